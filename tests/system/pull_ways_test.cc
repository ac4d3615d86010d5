// How the bytes of an image travel: layers side by side, unpacked while they arrive, by way of
// other hosts, and on after a ^C at a terminal.

#include <atomic>
#include <filesystem>

#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

class PullWays : public HoySandbox {
 protected:
  PullWays() {
    ImageBuilder builder;
    builder.Layer(Tar().File("first", "1").File("rest", Noise(3 << 20)));
    builder.Layer(Tar().File("second", "2"));
    image = builder.Build();
    for (const Blob& blob : image.blobs) content.AddBlob(blob.digest, blob.bytes);
    content.AddManifest("1", image.manifest.bytes, image.manifest.media_type,
                        image.manifest.digest);
  }

  bool IsFor(const FaultRequest& request, size_t layer) const {
    return request.target.ends_with(image.layer_digests[layer]);
  }
  // Of any layer, also of one that is on its way.
  bool IsUnpacked(const std::string& name) const {
    std::error_code gone;  // a directory that is renamed meanwhile
    fs::recursive_directory_iterator at(data(), gone), end;
    for (; !gone && at != end; at.increment(gone)) {
      if (at->path().filename() == name) return true;
    }
    return false;
  }

  Image image;
  FakeRegistryContent content;
};

// The lower layer's body stops in the middle until all that is to happen meanwhile has happened.
TEST_F(PullWays, LayersAreDownloadedAndUnpackedSideBySideWhileTheyArrive) {
  std::atomic<bool> begun = false;
  std::atomic<bool> other = false;
  FaultServer server([&](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    if (IsFor(request, 0)) {
      reply.pause_after = 1 << 20;
      reply.paused = [&] {
        begun = Eventually([&] { return IsUnpacked("first"); });
        other = Eventually([&] { return IsUnpacked("second"); });
      };
    }
    return reply;
  });
  RunOk({"pull", "-q", server.address() + "/app:1"});
  EXPECT_TRUE(begun) << "unpacking waits for the end of the download";
  EXPECT_TRUE(other) << "the upper layer waits for the lower one";
  EXPECT_EQ(server.Requests("GET", image.layer_digests[0]).size(), 1u);
}

// Registries send on to where their blobs are; who we are is for the registry alone.
TEST_F(PullWays, AnotherHostThatBlobsAreAtSeesNoCredentials) {
  FaultServer store([this](const FaultRequest& request) { return content.Answer(request); },
                    "127.0.0.2");
  FaultServer registry([&](const FaultRequest& request) {
    if (request.Header("authorization").empty()) {
      return FaultReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"here\""}}};
    }
    if (request.target.find("/blobs/") == std::string::npos) return content.Answer(request);
    return FaultReply{.status = 307, .headers = {{"Location", store.Url(request.target)}}};
  });
  RunOk({"pull", "-q", "--creds", "me:secret", registry.address() + "/app:1"});
  const auto seen = store.requests();
  EXPECT_EQ(seen.size(), image.blobs.size());
  for (const FaultRequest& request : seen) {
    EXPECT_EQ(request.Header("authorization"), "");
    for (const auto& [name, value] : request.headers) {
      EXPECT_FALSE(Has(value, "me:secret") || Has(value, "bWU6c2VjcmV0")) << name;
    }
  }
  EXPECT_EQ(registry.Requests("GET", "/blobs/").back().Header("authorization"),
            "Basic bWU6c2VjcmV0");
}

TEST_F(PullWays, AnInterruptAtATerminalLeavesItTidyAndIsGoneOnFrom) {
  partial_blobs_are_expected = true;
  env["NO_COLOR"] = "1";
  const std::string partial =
      data() + "/images/ingest/" + image.layer_digests[0].substr(7) + ".partial";
  {
    FaultServer server([&](const FaultRequest& request) {
      FaultReply reply = content.Answer(request);
      if (IsFor(request, 0)) reply.stall_after = 1 << 20;
      return reply;
    });
    Pty terminal(Hoy({"pull", server.address() + "/app:1"}));
    ASSERT_TRUE(terminal.Expect("Downloading")) << terminal.screen();
    server.WaitForStall();
    ASSERT_TRUE(Eventually([&] {
      std::error_code missing;
      return fs::file_size(partial, missing) == 1 << 20;
    }));
    terminal.Send("\x03");
    EXPECT_EQ(terminal.Finish(), 130) << terminal.screen();
    EXPECT_TRUE(terminal.IsCooked());
    const std::string& screen = terminal.screen();
    // The error stands on a line of its own, below the last state of the layers.
    const size_t error = screen.rfind("hoy: pull ");
    ASSERT_NE(error, std::string::npos) << screen;
    EXPECT_EQ(screen.substr(error - 1, 1), "\n") << screen;
    EXPECT_TRUE(Has(screen.substr(error), "interrupted")) << screen;
    EXPECT_TRUE(screen.ends_with("\n")) << screen;
    // Colours and the cursor are the shell's again (DECTCEM: CSI ? 25 l hides it).
    const size_t hidden = screen.rfind("\x1b[?25l");
    const size_t shown = screen.rfind("\x1b[?25h");
    EXPECT_TRUE(hidden == std::string::npos || (shown != std::string::npos && shown > hidden));
    EXPECT_FALSE(Has(screen.substr(error), "\x1b[")) << screen;
  }
  FaultServer server([this](const FaultRequest& request) { return content.Answer(request); });
  RunOk({"pull", "-q", server.address() + "/app:1"});
  const auto requests = server.Requests("GET", image.layer_digests[0]);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].Header("range"), "bytes=1048576-");
}

}  // namespace
}  // namespace hoy::test
