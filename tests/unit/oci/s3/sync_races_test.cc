// What changes on either side while a sync is under way or between two, and what of it is lost:
// none.

#include <sys/stat.h>

#include "tests/unit/oci/s3/bucket.h"

namespace hoy::oci {
namespace {

TEST_F(S3SyncTest, AFetchLeavesWhatAContainerWritesMeanwhile) {
  Write("old", "1");
  Write("gone", "1");
  ASSERT_TRUE(WriteBack());
  objects["p/old"] = {"theirs", {}};
  objects["p/gone"] = {"theirs", {}};
  objects["p/new"] = {"theirs", {}};
  objects["p/quiet"] = {"theirs", {}};
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target == "/box/p/new") {
      Write("new", "mine");
      Write("old", "mine");
      fs::remove(request_.files + "/gone");
    }
    return std::nullopt;
  };
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->downloaded, 1u);
  EXPECT_EQ(fetched->warnings.size(), 3u);
  EXPECT_EQ(Read("quiet"), "theirs");
  EXPECT_EQ(Read("new"), "mine");
  EXPECT_EQ(Read("old"), "mine");
  EXPECT_EQ(Read("gone"), "(none)");
  EXPECT_TRUE(fs::is_empty(request_.state + "/temp"));
}

TEST_F(S3SyncTest, AChangedObjectTakesThePlaceOfWhatItWas) {
  Write("file", "1");
  fs::create_directories(request_.files + "/d");
  ASSERT_TRUE(WriteBack());
  objects["p/file"] = {"theirs", {}};
  objects.erase("p/d/");
  objects["p/d"] = {"a file now", {}};
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_TRUE(fetched->warnings.empty());
  EXPECT_EQ(Read("file"), "theirs");
  EXPECT_EQ(Read("d"), "a file now");
  EXPECT_TRUE(fs::is_empty(request_.state + "/temp"));
}

TEST_F(S3SyncTest, DeletesNothingThatIsThereAgainOrAnotherByNow) {
  for (const char* path : {"again", "other", "gone", "send"}) Write(path, "x");
  ASSERT_TRUE(WriteBack());
  for (const char* path : {"again", "other", "gone"}) fs::remove(request_.files + "/" + path);
  Write("send", "new");
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.method == "PUT" && request.target == "/box/p/send") {
      Write("again", "y");
      objects["p/other"] = {"theirs", {}};
    }
    return std::nullopt;
  };
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->deleted, 1u);
  EXPECT_EQ(written->skipped, 1u) << "one is to be written back";
  EXPECT_FALSE(objects.contains("p/gone"));
  EXPECT_TRUE(objects.contains("p/again"));
  EXPECT_EQ(objects.at("p/other").bytes, "theirs");
  fault_ = nullptr;
  ASSERT_TRUE(WriteBack());
  EXPECT_EQ(objects.at("p/again").bytes, "y");
  EXPECT_EQ(objects.at("p/other").bytes, "theirs");
}

TEST_F(S3SyncTest, ASocketInThePlaceOfAFileDeletesNothing) {
  Write("a", "x");
  Write("b", "x");
  ASSERT_TRUE(WriteBack());
  fs::remove(request_.files + "/a");
  ASSERT_EQ(::mkfifo((request_.files + "/a").c_str(), 0600), 0);
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_TRUE(objects.contains("p/a"));
  EXPECT_EQ(written->skipped, 0u) << "it is none that could be written back";
  Write("\xff", "x");
  written = WriteBack();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->skipped, 1u);
}

TEST_F(S3SyncTest, AManifestOfAnotherPlaceOrDirectorySaysNothing) {
  Write("a", "x");
  ASSERT_TRUE(WriteBack());
  request_.place.prefix = "p/q/";
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->removed, 0u);
  EXPECT_EQ(Read("a"), "x");
  request_.place.prefix = "p/";
  ASSERT_TRUE(Fetch());
  fs::rename(request_.files, top_ + "/old");
  fs::create_directories(request_.files);
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_TRUE(objects.contains("p/a"));
  fetched = Fetch();
  ASSERT_TRUE(fetched);
  EXPECT_EQ(Read("a"), "x");
}

TEST_F(S3SyncTest, AManifestThatCannotBeReadIsAnError) {
  Write("a", "x");
  ASSERT_TRUE(WriteBack());
  objects["p/a"] = {"theirs", {}};
  ASSERT_TRUE(core::WriteFileAtomically(request_.state + "/manifest.json", "{\"version\":1,",
                                        core::Durability::kVolatile, 0600));
  for (auto* way : {&FetchFromS3, &WriteBackToS3}) {
    auto done = way(request_, cancel_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::kCorrupt);
    EXPECT_NE(done.error().message.find("manifest.json"), std::string::npos);
  }
  EXPECT_EQ(objects.at("p/a").bytes, "theirs");
}

TEST_F(S3SyncTest, AnotherRangeThanTheAskedOneIsNotTaken) {
  const std::string bytes(200'000, 'x');
  objects["p/a"] = {bytes, {}};
  int tries = 0;
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target != "/box/p/a") return std::nullopt;
    const std::string etag = "\"" + objects.at("p/a").etag() + "\"";
    if (++tries == 1) {
      return FaultReply{.headers = {{"ETag", etag}}, .body = bytes, .break_after = 100'000};
    }
    const size_t start = std::strtoul(request.Header("range").substr(6).c_str(), nullptr, 10);
    const std::pair<std::string, std::string> range = {"Content-Range", "bytes 5-9/200000"};
    return FaultReply{
        .status = 206, .headers = {{"ETag", etag}, range}, .body = bytes.substr(start)};
  };
  auto fetched = Fetch();
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(fs::exists(request_.files + "/a"));
}

// A server of uploads in parts, for one file that has two of them.
class S3PartsTest : public S3SyncTest {
 protected:
  S3PartsTest() {
    fault_ = [this](const FaultRequest& request) { return AnswerParts(request); };
  }

  std::optional<FaultReply> AnswerParts(const FaultRequest& request) {
    auto [place, query] = CutAt(request.target, '?');
    if (place != "/box/p/large" || !query) return std::nullopt;
    if (*query == "uploads=") {
      ++begun;
      return FaultReply{.body =
                            "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                            "</InitiateMultipartUploadResult>"};
    }
    if (request.method == "DELETE") {
      arrived.clear();
      return FaultReply{.status = 204};
    }
    if (request.method == "PUT") {
      const bool first = query->starts_with("partNumber=1&");
      if (!first && !whole) return FaultReply{.status = 403};
      firsts += first ? 1 : 0;
      arrived[std::string(*query)] = request.body;
      const std::string etag = ToHex(Md5Of(request.body + salt));
      FaultReply reply{.headers = {{"ETag", "\"" + etag + "\""}}};
      if (!salt.empty()) reply.headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
      return reply;
    }
    if (busy > 0) {
      --busy;
      return FaultReply{.body = "<Error><Code>InternalError</Code></Error>"};
    }
    std::string md5s;
    StoredObject& object = objects["p/large"];
    object.bytes.clear();
    for (const auto& [name, part] : arrived) {
      object.bytes += part;
      md5s += Md5Of(part + salt);
    }
    return FaultReply{.body = "<CompleteMultipartUploadResult><ETag>" +
                              PartsETag(md5s, arrived.size()) +
                              "</ETag></CompleteMultipartUploadResult>"};
  }

  const std::string path = request_.files + "/large";
  const std::string bytes = std::string(kPartSize, 'a') + "end";
  bool whole = true;                           // else the second part is refused
  int busy = 0;                                // so often it cannot put them together
  std::string salt;                            // of a server whose ETags are not MD5 sums
  std::map<std::string, std::string> arrived;  // by part of the query
  size_t begun = 0;
  size_t firsts = 0;
};

TEST_F(S3PartsTest, ThatHaveArrivedAreThoseOfTheFileAsItIsNow) {
  Write("large", bytes);
  const auto time = fs::last_write_time(path);
  whole = false;
  EXPECT_FALSE(WriteBack());
  EXPECT_FALSE(WriteBack());
  EXPECT_EQ(begun, 1u);
  EXPECT_EQ(firsts, 1u) << "it goes on with the second";
  const std::string now = std::string(kPartSize, 'b') + "end";
  ASSERT_TRUE(core::WriteFileAtomically(path, now, core::Durability::kVolatile, 0644));
  fs::last_write_time(path, time);
  whole = true;
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(begun, 2u);
  EXPECT_TRUE(objects.at("p/large").bytes == now);
}

TEST_F(S3PartsTest, AreGivenUpWithTheirFile) {
  Write("large", bytes);
  whole = false;
  EXPECT_FALSE(WriteBack());
  EXPECT_EQ(arrived.size(), 1u);
  fs::remove(path);
  ASSERT_TRUE(WriteBack());
  EXPECT_TRUE(arrived.empty());
  EXPECT_TRUE(fs::is_empty(request_.state + "/temp"));
}

TEST_F(S3PartsTest, ArePutTogetherByABusyServerWhoseETagsAreNotTheirSums) {
  Write("large", bytes);
  busy = 1;
  salt = "key";
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->uploaded, 1u);
  EXPECT_TRUE(objects.at("p/large").bytes == bytes);
  EXPECT_EQ(firsts, 1u);
}

// Between the look at the files and their turn.
TEST_F(S3SyncTest, WhatIsNoFileAnyMoreIsForTheNextTime) {
  for (const char* path : {"fifo", "link", "d/below", "file"}) Write(path, "x");
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target.find("list-type=2") == std::string::npos) return std::nullopt;
    for (const char* path : {"fifo", "link", "d"}) fs::remove_all(request_.files + "/" + path);
    EXPECT_EQ(::mkfifo((request_.files + "/fifo").c_str(), 0600), 0);
    fs::create_symlink("/etc/passwd", request_.files + "/link");
    fs::create_symlink("/etc", request_.files + "/d");
    return std::nullopt;
  };
  auto written = WriteBack();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(objects.at("p/file").bytes, "x");
  EXPECT_FALSE(objects.contains("p/fifo"));
  EXPECT_FALSE(objects.contains("p/d/below"));
  EXPECT_GE(written->skipped, 2u);
}

TEST_F(S3SyncTest, AnObjectThatFailsHoldsUpNoOtherAndDeletesNothing) {
  Write("deleted", "x");
  ASSERT_TRUE(WriteBack());
  fs::remove(request_.files + "/deleted");
  for (int i = 0; i < 60; ++i) Write("f" + std::to_string(i), "x");
  bool refused = false;
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.method != "PUT" || std::exchange(refused, true)) return std::nullopt;
    return FaultReply{.status = 403, .body = "<Error><Code>AccessDenied</Code></Error>"};
  };
  EXPECT_FALSE(WriteBack());
  EXPECT_EQ(objects.size(), 60u) << "all but one, and what was deleted here";
  EXPECT_TRUE(objects.contains("p/deleted"));
}

TEST_F(S3SyncTest, SaysHowManyMoreWarningsThereAre) {
  for (int i = 0; i < 25; ++i) objects[fmt::format("p//{}", i)] = {"x", {}};
  auto fetched = Fetch();
  ASSERT_TRUE(fetched);
  ASSERT_EQ(fetched->warnings.size(), 21u);
  EXPECT_EQ(fetched->warnings.back(), "and 5 more");
}

TEST_F(S3SyncTest, AnArchivedObjectStaysThere) {
  objects["p/a"] = {"x", {}};
  objects["p/b"] = {"x", {}};
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target != "/box/p/a") return std::nullopt;
    return FaultReply{.status = 403, .body = "<Error><Code>InvalidObjectState</Code></Error>"};
  };
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->warnings.size(), 1u);
  EXPECT_EQ(Read("b"), "x");
  fault_ = nullptr;
  ASSERT_TRUE(WriteBack());
  EXPECT_TRUE(objects.contains("p/a"));
}

TEST_F(S3SyncTest, WhatAKilledFetchHasPlacedIsNoChangeOfTheCopy) {
  const std::string manifest = request_.state + "/manifest.json";
  for (const char* path : {"file", "mine"}) Write(path, "1");
  fs::create_symlink("1", request_.files + "/link");
  fs::create_directories(request_.files + "/d");
  ASSERT_TRUE(WriteBack());
  const std::string before = core::ReadFile(manifest).value();
  for (const char* path : {"p/file", "p/mine"}) objects[path] = {"two", {}};
  objects.at("p/link").bytes = "two";
  objects.at("p/d/").bytes = "two";
  // It gets as far as the manifest, in whose place something is.
  fault_ = [&](const FaultRequest& request) -> std::optional<FaultReply> {
    if (request.target != "/box/p/file") return std::nullopt;
    fs::remove(manifest);
    fs::create_directories(manifest + "/in-the-way");
    return std::nullopt;
  };
  EXPECT_FALSE(Fetch());
  EXPECT_EQ(Read("file"), "two");
  fs::remove_all(manifest);
  ASSERT_TRUE(core::WriteFileAtomically(manifest, before, core::Durability::kVolatile, 0600));
  Write("mine", "changed");
  for (const char* path : {"p/file", "p/mine"}) objects[path] = {"three", {}};
  objects.at("p/link").bytes = "three";
  fault_ = nullptr;
  auto fetched = Fetch();
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Read("file"), "three");
  EXPECT_EQ(fs::read_symlink(request_.files + "/link"), "three");
  EXPECT_EQ(Read("mine"), "changed");
  EXPECT_EQ(fetched->warnings.size(), 1u) << "of the change";
  EXPECT_FALSE(fs::exists(request_.state + "/placing.json"));
}

}  // namespace
}  // namespace hoy::oci
