#include "oci/registry/blob_fetcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "tests/system/fault_server.h"

namespace hoy::oci {
namespace {

using test::FakeRegistryContent;
using test::FaultReply;
using test::FaultRequest;
using test::FaultServer;

std::string SomeBytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

class BlobFetcherTest : public testing::Test {
 protected:
  BlobFetcherTest() : blob(SomeBytes(300'000)) {
    char name[] = "/tmp/hoy-fetch-XXXXXX";
    layout.data = ::mkdtemp(name);
    layout.run = layout.data + "/run";
    EXPECT_TRUE(core::PrepareLayout(layout));
    EXPECT_TRUE(core::MakeDirectories(layout.Blobs()));
    EXPECT_TRUE(core::MakeDirectories(layout.Ingest()));
    descriptor.digest = Sha256Of(blob);
    descriptor.size = static_cast<int64_t>(blob.size());
    content.AddBlob(descriptor.digest.ToString(), blob);
    retry.base = std::chrono::milliseconds(1);
    ::setenv("REGISTRY_AUTH_FILE", "/dev/null", 1);
  }
  ~BlobFetcherTest() override {
    ::unsetenv("REGISTRY_AUTH_FILE");
    EXPECT_TRUE(core::RemoveTree(layout.data));
  }

  std::string Partial() const {
    return layout.Ingest() + "/" + descriptor.digest.hex() + ".partial";
  }
  std::string Final() const { return layout.Blobs() + "/" + descriptor.digest.hex(); }
  void LeavePartial(std::string_view bytes) {
    ASSERT_TRUE(core::WriteFileAtomically(Partial(), bytes, core::Durability::kVolatile));
  }
  std::string StoredBlob() const { return core::ReadFile(Final()).value_or("(none)"); }

  Result<> Fetch(const FaultServer& server, const FaultServer* next = nullptr) {
    HttpClient http({}, cancel);
    auto name = [](const FaultServer& at) { return *Reference::Parse(at.address() + "/app"); };
    RegistryClient client(http, name(server), {}, retry, nullptr);
    RegistryClient other(http, name(next != nullptr ? *next : server), {}, retry, nullptr);
    if (next != nullptr) client.set_fallback(&other);
    GrowingFile file;
    std::string followed;
    Error follow_error;
    std::thread reader([&] {
      auto source = file.NewReader();
      std::vector<std::byte> buffer(7000);
      while (true) {
        auto count = source->Read(buffer);
        if (!count) follow_error = count.error();
        if (!count || *count == 0) return;
        followed.append(reinterpret_cast<const char*>(buffer.data()), *count);
      }
    });
    auto fetched = FetchBlob(client, layout, descriptor, file, [this](const FetchProgress& step) {
      if (on_step) on_step(step);
    });
    reader.join();
    // A reader that follows gets the blob, or is told that it must read again.
    bool told = !follow_error.message.empty();
    suspect = file.suspect();
    hashed = file.IsHashedByWriter();
    bool again = follow_error.stage == "restarted" && suspect;
    EXPECT_TRUE(fetched ? followed == blob || again : told);
    return fetched;
  }
  FaultServer::Handler Good(bool ranges = true) {
    return [this, ranges](const FaultRequest& request) { return content.Answer(request, ranges); };
  }

  core::Layout layout;
  std::string blob;
  Descriptor descriptor;
  FakeRegistryContent content;
  RetryPolicy retry;
  CancelToken cancel;
  std::function<void(const FetchProgress&)> on_step;
  bool suspect = false;  // of the last Fetch: readers that failed are to read again
  bool hashed = false;   // and: readers need not hash it themselves
};

TEST_F(BlobFetcherTest, StoresTheBlobAndLeavesNoPartial) {
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(StoredBlob() == blob, true);
  EXPECT_FALSE(core::Exists(Partial()));
  EXPECT_TRUE(hashed);
}

TEST_F(BlobFetcherTest, AsksNobodyForABlobThatIsThere) {
  ASSERT_TRUE(core::WriteFileAtomically(Final(), blob, core::Durability::kVolatile));
  FaultServer server(Good());
  ASSERT_TRUE(Fetch(server));
  EXPECT_TRUE(server.requests().empty());
  EXPECT_FALSE(hashed) << "not this time";
}

TEST_F(BlobFetcherTest, ReplacesAStoredBlobOfTheWrongSize) {
  ASSERT_TRUE(core::WriteFileAtomically(Final(), "", core::Durability::kVolatile));
  FaultServer server(Good());
  ASSERT_TRUE(Fetch(server));
  EXPECT_EQ(StoredBlob() == blob, true);
}

TEST_F(BlobFetcherTest, GoesOnAfterABrokenTransfer) {
  std::atomic<int> count = 0;
  FaultServer server([&](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    if (count++ < 3) reply.break_after = 70'000;
    return reply;
  });
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(StoredBlob() == blob, true);
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].Header("range"), "");
  EXPECT_EQ(requests[1].Header("range"), "bytes=70000-");
  EXPECT_EQ(requests[3].Header("range"), "bytes=210000-");
}

TEST_F(BlobFetcherTest, ProgressRenewsThePatience) {
  retry.attempts = 2;
  FaultServer server([&](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    if (reply.body.size() > 30'000) reply.break_after = 30'000;
    return reply;
  });
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
}

TEST_F(BlobFetcherTest, KeepsWhatHasArrivedWhenItGivesUp) {
  retry.attempts = 2;
  FaultServer server([&](const FaultRequest& request) -> FaultReply {
    if (!request.Header("range").empty()) return {.status = 503};
    FaultReply reply = content.Answer(request);
    reply.break_after = 123'456;
    return reply;
  });
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kNetwork);
  EXPECT_EQ(core::ReadFile(Partial()).value_or("").size(), 123'456u);
  EXPECT_FALSE(core::Exists(Final()));
}

TEST_F(BlobFetcherTest, ContinuesWhatADeadProcessLeft) {
  LeavePartial(std::string_view(blob).substr(0, 200'000));
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(StoredBlob() == blob, true);
  EXPECT_EQ(server.requests().at(0).Header("range"), "bytes=200000-");
}

TEST_F(BlobFetcherTest, NeedsNoRequestWhenAllOfItIsThere) {
  LeavePartial(blob);
  FaultServer server(Good());
  ASSERT_TRUE(Fetch(server));
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(StoredBlob() == blob, true);
}

TEST_F(BlobFetcherTest, ThrowsAwayAPrefixThatIsNotTheBlob) {
  for (size_t size : {100'000ul, 300'000ul, 400'000ul}) {
    LeavePartial(std::string(size, 'x'));
    FaultServer server(Good());
    auto fetched = Fetch(server);
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(StoredBlob() == blob, true) << size;
    ASSERT_TRUE(core::Unlink(Final()));
  }
}

TEST_F(BlobFetcherTest, SkipsWhatItHasWhenTheServerKnowsNoRanges) {
  LeavePartial(std::string_view(blob).substr(0, 200'000));
  FaultServer server(Good(/*ranges=*/false));
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(StoredBlob() == blob, true);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(BlobFetcherTest, RefusesWrongBytes) {
  content.AddBlob(descriptor.digest.ToString(), std::string(blob.size(), 'x'));
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(fetched.error().stage, "verify-blob");
  EXPECT_EQ(server.requests().size(), 1u);  // they would be as wrong the next time
  EXPECT_FALSE(core::Exists(Final()));
  EXPECT_FALSE(core::Exists(Partial()));
}

TEST_F(BlobFetcherTest, RefusesMoreBytesThanPromisedAtOnce) {
  FaultServer server([&](const FaultRequest&) {
    return FaultReply{.body = blob + std::string(1 << 20, 'x'), .stall_after = 0};
  });
  auto fetched = Fetch(server);  // by the header alone: the body never comes
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().stage, "verify-blob") << fetched.error().message;
  EXPECT_FALSE(core::Exists(Partial()));
}

TEST_F(BlobFetcherTest, RefusesARegistryThatHasLess) {
  content.AddBlob(descriptor.digest.ToString(), blob.substr(0, 1000));
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_NE(fetched.error().message.find("only 1000 of 300000"), std::string::npos)
      << fetched.error().message;
}

// docker-registry's 416 announces the blob's length and sends a sentence.
TEST_F(BlobFetcherTest, ReadsARefusalWhoseLengthIsALie) {
  std::string less = blob.substr(0, 1000);
  FaultServer server([&](const FaultRequest& request) -> FaultReply {
    if (request.Header("range").empty()) return {.body = less};
    return {.status = 416, .body = "invalid range", .content_length = 1000};
  });
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().stage, "verify-blob") << fetched.error().message;
}

TEST_F(BlobFetcherTest, TellsReadersToComeBackWhenAMirrorsBeginningWasWrong) {
  FaultServer mirror([&](const FaultRequest& request) -> FaultReply {
    if (!request.Header("range").empty()) return {.status = 404};
    FaultReply reply{.body = blob, .break_after = 70'000};
    reply.body[10] ^= 1;
    return reply;
  });
  FaultServer origin(Good());
  auto fetched = Fetch(mirror, &origin);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(StoredBlob() == blob, true);
  EXPECT_TRUE(suspect);
}

TEST_F(BlobFetcherTest, LeavesNoEmptyPartial) {
  FaultServer server([](const FaultRequest&) { return FaultReply{.status = 404}; });
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_FALSE(core::Exists(Partial()));
}

TEST_F(BlobFetcherTest, RefusesAnotherRangeThanItAskedFor) {
  LeavePartial(std::string_view(blob).substr(0, 1000));
  FaultServer server([&](const FaultRequest&) {
    return FaultReply{.status = 206,
                      .headers = {{"Content-Range", "bytes 5-299999/300000"}},
                      .body = blob.substr(5)};
  });
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
}

TEST_F(BlobFetcherTest, WaitsForAnotherProcessAndTakesItsResult) {
  // Locks are per open file, so a second open here is as good as a second process.
  auto other = core::OpenAt(core::kCwd, Partial(), O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(other);
  ASSERT_TRUE(*core::TryLockFile(*other, core::LockMode::kExclusive));
  std::atomic<bool> waiting = false;
  on_step = [&](const FetchProgress& step) {
    if (step.phase != FetchPhase::kWaiting || waiting.exchange(true)) return;
    EXPECT_TRUE(core::WriteAll(*other, blob, "blob"));
    EXPECT_EQ(::rename(Partial().c_str(), Final().c_str()), 0);
    other->reset();
  };
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_TRUE(waiting);
  EXPECT_TRUE(server.requests().empty());
  EXPECT_FALSE(core::Exists(Partial()));
}

TEST_F(BlobFetcherTest, GoesOnWhereAnotherProcessDied) {
  auto other = core::OpenAt(core::kCwd, Partial(), O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(other);
  ASSERT_TRUE(*core::TryLockFile(*other, core::LockMode::kExclusive));
  on_step = [&](const FetchProgress& step) {
    if (step.phase != FetchPhase::kWaiting || !*other) return;
    EXPECT_TRUE(core::WriteAll(*other, std::string_view(blob).substr(0, 5000), "blob"));
    other->reset();
  };
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(server.requests().at(0).Header("range"), "bytes=5000-");
}

TEST_F(BlobFetcherTest, TwoAtOnceDownloadOnce) {
  FaultServer server(Good());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto fetched = Fetch(server);
      EXPECT_TRUE(fetched) << fetched.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.Requests("GET", "/blobs/").size(), 1u);
  EXPECT_EQ(StoredBlob() == blob, true);
}

TEST_F(BlobFetcherTest, ACancelKeepsThePartial) {
  FaultServer server([this](const FaultRequest& request) {
    FaultReply reply = content.Answer(request);
    reply.stall_after = 50'000;
    return reply;
  });
  std::atomic<uint64_t> arrived = 0;
  on_step = [&](const FetchProgress& step) {
    arrived = step.done;
    if (step.done == 50'000) cancel.Cancel();
  };
  auto fetched = Fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(core::ReadFile(Partial()).value_or("") == blob.substr(0, 50'000), true);
}

TEST_F(BlobFetcherTest, TakesAnEmptyBlob) {
  descriptor.digest = Sha256Of("");
  descriptor.size = 0;
  blob.clear();
  content.AddBlob(descriptor.digest.ToString(), "");
  FaultServer server(Good());
  auto fetched = Fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(StoredBlob(), "");
}

}  // namespace
}  // namespace hoy::oci
