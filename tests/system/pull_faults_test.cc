// hoy pull against a registry that breaks off, stalls and limits, and against the user's ^C.

#include <signal.h>

#include <atomic>
#include <filesystem>

#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

class PullFaults : public HoySandbox {
 protected:
  PullFaults() {
    ImageBuilder builder;
    builder.Layer(Tar().Directory("etc").File("etc/small", "small"));
    builder.Layer(Tar().File("big", Noise(3 << 20)));  // does not compress
    image = builder.Build();
    for (const Blob& blob : image.blobs) content.AddBlob(blob.digest, blob.bytes);
    for (const std::string& reference : {std::string("1"), image.manifest.digest}) {
      content.AddManifest(reference, image.manifest.bytes, image.manifest.media_type,
                          image.manifest.digest);
    }
    big = image.layer_digests[1];
  }

  FaultReply Answer(const FaultRequest& request) {
    return fault && request.target.ends_with(big) ? fault(request) : content.Answer(request);
  }
  FaultReply Stalled(const FaultRequest& request) const {
    FaultReply reply = content.Answer(request);
    reply.stall_after = 1 << 20;
    return reply;
  }
  std::string Partial() const { return data() + "/images/ingest/" + big.substr(7) + ".partial"; }
  void ExpectComplete() const {
    EXPECT_TRUE(ListNames(data() + "/images/ingest").empty());
    EXPECT_EQ(ListNames(data() + "/layers").size(), 2u);
    EXPECT_EQ(ListNames(data() + "/images/refs").size(), 1u);
  }
  void ExpectOnlyThePartial(size_t size) const {
    EXPECT_EQ(std::filesystem::file_size(Partial()), size);
    EXPECT_TRUE(ListNames(data() + "/layers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
    EXPECT_TRUE(ListNames(data() + "/images/records").empty());
  }

  Image image;
  FakeRegistryContent content;
  std::string big;
  std::function<FaultReply(const FaultRequest&)> fault;  // for requests of the big layer
};

TEST_F(PullFaults, AnotherProcessGoesOnWhereAKilledOneWas) {
  partial_blobs_are_expected = true;
  {
    fault = [this](const FaultRequest& request) { return Stalled(request); };
    FaultServer server([this](const FaultRequest& request) { return Answer(request); });
    Background pull(Hoy({"pull", server.address() + "/app:1"}));
    server.WaitForStall();
    ASSERT_TRUE(Eventually([&] {
      std::error_code missing;
      return std::filesystem::file_size(Partial(), missing) == 1 << 20;
    }));
    pull.Signal(SIGKILL);
    EXPECT_EQ(pull.Finish().code, 128 + SIGKILL);
  }
  fault = nullptr;
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  RunOk({"pull", "-q", server.address() + "/app:1"});
  auto requests = server.Requests("GET", big);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].Header("range"), "bytes=1048576-");
  ExpectComplete();
}

TEST_F(PullFaults, AnInterruptEndsAStalledPullAndKeepsThePartial) {
  partial_blobs_are_expected = true;
  fault = [this](const FaultRequest& request) { return Stalled(request); };
  for (int signal : {SIGINT, SIGTERM}) {
    FaultServer server([this](const FaultRequest& request) { return Answer(request); });
    Background pull(Hoy({"pull", server.address() + "/app:1"}));
    server.WaitForStall();
    ASSERT_TRUE(Eventually([&] {
      std::error_code missing;
      return std::filesystem::file_size(Partial(), missing) == 1 << 20;
    }));
    pull.Signal(signal);
    Output output = pull.Finish();
    EXPECT_EQ(output.code, 130) << output;
    ExpectOnlyThePartial(1 << 20);
    std::filesystem::remove(Partial());
  }
}

// A signal to hoy alone, as a job control or a service manager sends it.
TEST_F(PullFaults, ASignalToARunEndsItsPull) {
  partial_blobs_are_expected = true;
  fault = [this](const FaultRequest& request) { return Stalled(request); };
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    FaultServer server([this](const FaultRequest& request) { return Answer(request); });
    Background run(
        Hoy({"run", "--name", "one", "--tls-verify=false", server.address() + "/app:1", "true"}));
    server.WaitForStall();
    ASSERT_TRUE(Eventually([&] {
      std::error_code missing;
      return std::filesystem::file_size(Partial(), missing) == 1 << 20;
    }));
    run.Signal(signal);
    const Output output = run.Finish();
    EXPECT_EQ(output.code, 130) << signal << output;
    EXPECT_NE(output.err.find("interrupted"), std::string::npos) << output;
    EXPECT_TRUE(ProcessesOf(Traces()).empty()) << signal;
    ExpectOnlyThePartial(1 << 20);
    EXPECT_TRUE(ListNames(data() + "/containers").empty());
    EXPECT_TRUE(ListNames(data() + "/images/leases").empty());
    std::filesystem::remove(Partial());
  }
}

TEST_F(PullFaults, TwoPullsShareOneDownload) {
  std::atomic<bool> first = true;
  std::atomic<bool> second_waits = false;
  fault = [&](const FaultRequest& request) {
    // The first process keeps the lock until the second one has been seen waiting for it.
    if (first.exchange(false)) {
      Eventually([&] { return second_waits.load(); });
    }
    return content.Answer(request);
  };
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  Background one(Hoy({"pull", server.address() + "/app:1"}));
  ASSERT_TRUE(Eventually([&] { return !server.Requests("GET", big).empty(); }));
  Background two(Hoy({"pull", server.address() + "/app:1"}));
  EXPECT_TRUE(two.WaitForErr("Waiting for another pull"));
  second_waits = true;
  Output output = one.Finish();
  EXPECT_EQ(output.code, 0) << output;
  output = two.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(server.Requests("GET", big).size(), 1u);
  ExpectComplete();
}

TEST_F(PullFaults, SurvivesBrokenTransfersServerErrorsAndRateLimits) {
  std::atomic<int> count = 0;
  fault = [&](const FaultRequest& request) -> FaultReply {
    switch (count++) {
      case 0: return {.status = 503};
      case 1: return {.status = 429, .headers = {{"Retry-After", "0"}}};
      case 2: {
        FaultReply reply = content.Answer(request);
        reply.break_after = 100'000;
        return reply;
      }
      default: return content.Answer(request);
    }
  };
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  Output output = Run({"pull", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("Retrying: "), std::string::npos) << output;
  EXPECT_EQ(server.Requests("GET", big).size(), 4u);
  ExpectComplete();
}

// What stops, what never starts and what only drips is given up, and gone on with.
TEST_F(PullFaults, AStallEndsAfterTheTimeThatIsConfigured) {
  std::atomic<int> tries = 0;
  fault = [&](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    switch (tries++) {
      case 0: reply.stall_after = 1 << 20; break;
      case 1: reply.drip_after = 1 << 10; break;
      case 2: reply.silent = true; break;
      default: break;
    }
    return reply;
  };
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  env["HOY_STALL_TIMEOUT"] = "1";
  Output output = Run({"pull", "--progress=plain", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("wait for '" + server.address() + "'"), std::string::npos) << output;
  ExpectComplete();
  // On a loaded machine a good answer may stall as well: then there are more.
  auto requests = server.Requests("GET", big);
  ASSERT_GE(requests.size(), 4u);
  size_t before = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string range = requests[i].Header("range");
    size_t from = range.empty() ? 0 : std::strtoul(range.c_str() + 6, nullptr, 10);  // "bytes=N-"
    EXPECT_GE(from, before) << "what has arrived is kept";
    EXPECT_TRUE(i < 2 || from > 0);
    before = from;
  }
}

TEST_F(PullFaults, ATimeoutThatMakesNoSenseIsSaid) {
  for (const char* value : {"0", "soon", "-1", "99999999999"}) {
    env["HOY_STALL_TIMEOUT"] = value;
    Output output = Run({"pull", "127.0.0.1:1/app:1"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(std::string("HOY_STALL_TIMEOUT is '") + value + "'"),
              std::string::npos)
        << output;
  }
}

TEST_F(PullFaults, AFailureOfOneLayerLeavesNoOtherBehind) {
  partial_blobs_are_expected = true;  // of the other layer, if it was on its way
  fault = [](const FaultRequest&) { return FaultReply{.status = 404}; };
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  Output output = Run({"pull", server.address() + "/app:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find(big), std::string::npos) << output;
  EXPECT_TRUE(ListNames(data() + "/layers").empty());
  EXPECT_TRUE(ListNames(data() + "/images/refs").empty());
  EXPECT_FALSE(std::filesystem::exists(Partial()));
}

TEST_F(PullFaults, AskingAgainForTheSameTagCostsOneHead) {
  FaultServer server([this](const FaultRequest& request) { return Answer(request); });
  RunOk({"pull", "-q", server.address() + "/app:1"});
  size_t before = server.requests().size();
  RunOk({"pull", "-q", server.address() + "/app:1"});
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), before + 1);
  EXPECT_EQ(requests.back().method, "HEAD");
}

}  // namespace
}  // namespace hoy::test
