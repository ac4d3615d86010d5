// Both ways of a sync against a bucket in this process. The real server is that of
// tests/system/s3_volume_test.cc.

#include "oci/s3/sync.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/oci/s3/bucket.h"

namespace hoy::oci {
namespace {

TEST_F(S3SyncTest, EveryKindOfFileComesBackAsItWas) {
  Write("a b/+%c\xc3\xa9~&=;#?'\"", "bytes");
  Write("empty-file", "");
  fs::create_directories(request_.files + "/empty");
  fs::create_symlink("/etc/passwd", request_.files + "/link");
  ::chmod((request_.files + "/empty").c_str(), 01770);
  ::chmod((request_.files + "/empty-file").c_str(), 04711);
  const auto time = fs::last_write_time(request_.files + "/empty-file");
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->uploaded, 5u);
  EXPECT_EQ(objects.at("p/link").bytes, "/etc/passwd") << "and what it leads to is not read";

  fs::remove_all(request_.files);
  fs::remove_all(request_.state);
  fs::create_directories(request_.files);
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->downloaded, 5u);
  EXPECT_EQ(Read("a b/+%c\xc3\xa9~&=;#?'\""), "bytes");
  EXPECT_EQ(fs::read_symlink(request_.files + "/link"), "/etc/passwd");
  struct stat status{};
  ASSERT_EQ(::stat((request_.files + "/empty").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 01770u);
  ASSERT_EQ(::stat((request_.files + "/empty-file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 04711u);
  EXPECT_EQ(fs::last_write_time(request_.files + "/empty-file"), time);
  EXPECT_TRUE(fs::is_empty(request_.state + "/temp"));
}

TEST_F(S3SyncTest, AsksOnceWhereNothingChangedAndNotAtAllWhenItHasNothingToSay) {
  for (int i = 0; i < 20; ++i) Write("f" + std::to_string(i), "x");
  ASSERT_TRUE(WriteBack());
  ASSERT_TRUE(Fetch());
  const size_t before = Asked();
  ASSERT_TRUE(Fetch());
  EXPECT_EQ(Asked() - before, 1u);
  ASSERT_TRUE(WriteBack());
  EXPECT_EQ(Asked() - before, 1u);
  Write("f3", "other");
  ASSERT_TRUE(WriteBack());
  EXPECT_EQ(Asked() - before, 3u) << "one listing and one file";
}

TEST_F(S3SyncTest, ReadsListingsOfManyPages) {
  for (int i = 0; i < 2100; ++i) objects[fmt::format("p/d{}/f{:04}", i % 7, i)] = {};
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->downloaded, 2100u);
  EXPECT_EQ(Read("d0/f2093"), "");
  EXPECT_EQ(server_.Requests("GET", "list-type=2").size(), 3u);
}

TEST_F(S3SyncTest, AHostileBucketWritesNowhereElse) {
  const std::string outside = top_ + "/outside";
  fs::create_directories(outside);
  objects["p/../outside/one"] = {"evil", {}};
  objects["p//etc/two"] = {"evil", {}};
  objects["p/.."] = {"evil", {}};
  objects["p/up"] = {outside, {{"x-amz-meta-mode", "41471"}}};
  objects["p/up/three"] = {"evil", {}};
  objects["p/dev"] = {"", {{"x-amz-meta-mode", "8630"}}};
  objects["p/good"] = {"good", {}};
  fs::create_directory_symlink(outside, request_.files + "/way");
  objects["p/way/four"] = {"evil", {}};
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Read("good"), "good");
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_FALSE(fs::exists(request_.files + "/dev"));
  EXPECT_GE(fetched->warnings.size(), 5u);
  // And what is not here was not deleted here.
  ASSERT_TRUE(WriteBack());
  EXPECT_TRUE(objects.contains("p/../outside/one"));
  EXPECT_TRUE(objects.contains("p/way/four"));
}

TEST_F(S3SyncTest, HalfAnObjectIsFetchedToItsEnd) {
  const std::string bytes(200'000, 'x');
  objects["p/a"] = {bytes, {}};
  int tries = 0;
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target != "/box/p/a") return std::nullopt;
    const std::string etag = "\"" + objects.at("p/a").etag() + "\"";
    if (++tries == 1) {
      return FaultReply{.headers = {{"ETag", etag}}, .body = bytes, .break_after = 100'000};
    }
    EXPECT_EQ(request.Header("if-match"), etag);
    const size_t start = std::strtoul(request.Header("range").substr(6).c_str(), nullptr, 10);
    EXPECT_GT(start, 0u);
    return FaultReply{.status = 206, .headers = {{"ETag", etag}}, .body = bytes.substr(start)};
  };
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(Read("a"), bytes);
}

TEST_F(S3SyncTest, BytesThatAreNotThoseOfTheETagAreNotTaken) {
  objects["p/a"] = {"good", {}};
  Write("a", "old");
  const std::string etag = "\"" + objects.at("p/a").etag() + "\"";
  fs::remove(request_.files + "/a");
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target != "/box/p/a") return std::nullopt;
    return FaultReply{.headers = {{"ETag", etag}}, .body = "evil"};
  };
  auto fetched = Fetch();
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(fs::exists(request_.files + "/a"));
}

TEST_F(S3SyncTest, AServerThatIsBusyIsAskedAgain) {
  Write("a", "x");
  int refused = 0;
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.method != "PUT" || refused++ > 0) return std::nullopt;
    return FaultReply{.status = 503, .body = "<Error><Code>SlowDown</Code></Error>"};
  };
  ASSERT_TRUE(WriteBack());
  EXPECT_EQ(objects.at("p/a").bytes, "x");
}

TEST_F(S3SyncTest, WhatWasDoneBeforeAFailureIsNotDoneAgain) {
  for (int i = 0; i < 5; ++i) Write("f" + std::to_string(i), "x");
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.method != "PUT" || request.target != "/box/p/f4") return std::nullopt;
    return FaultReply{.status = 403, .body = "<Error><Code>AccessDenied</Code></Error>"};
  };
  auto written = WriteBack();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kUnauthorized);
  EXPECT_EQ(Read("f4"), "x");
  const size_t done = objects.size();
  fault_ = nullptr;
  auto again = WriteBack();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->uploaded, 5 - done);
  EXPECT_EQ(objects.size(), 5u);
}

TEST_F(S3SyncTest, WithoutItsManifestItFindsThatAllIsTheSame) {
  Write("a", "x");
  Write("d/b", "y");
  ASSERT_TRUE(WriteBack());
  fs::remove(request_.state + "/manifest.json");
  auto fetched = Fetch();
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->downloaded, 0u);
  auto written = WriteBack();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->uploaded, 0u);
  EXPECT_TRUE(written->warnings.empty());
}

TEST_F(S3SyncTest, DeletionsGoBothWays) {
  Write("mine", "x");
  Write("theirs", "y");
  ASSERT_TRUE(WriteBack());
  fs::remove(request_.files + "/mine");
  objects.erase("p/theirs");
  ASSERT_TRUE(WriteBack());
  EXPECT_FALSE(objects.contains("p/mine"));
  EXPECT_EQ(Read("theirs"), "y") << "an end takes nothing away here";
  auto fetched = Fetch();
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->removed, 1u);
  EXPECT_EQ(Read("theirs"), "(none)");
}

TEST_F(S3SyncTest, ARefusalNamesTheRegionThatIsRight) {
  fault_ = [](const FaultRequest&) -> std::optional<FaultReply> {
    return FaultReply{
        .status = 301,
        .headers = {{"x-amz-bucket-region", "us-west-2"}, {"Location", "http://127.0.0.1:1/"}},
        .body = "<Error><Code>PermanentRedirect</Code></Error>"};
  };
  auto fetched = Fetch();
  ASSERT_FALSE(fetched);
  EXPECT_NE(fetched.error().hint.find("region=us-west-2"), std::string::npos);
  EXPECT_EQ(Asked(), 1u) << "a signed request is not for others";
}

}  // namespace
}  // namespace hoy::oci
