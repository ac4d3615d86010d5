// Both ways of a sync against a bucket in this process, which a test can make lie. The real server
// is that of tests/system/s3_volume_test.cc.

#include "oci/s3/sync.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "oci/s3/answers.h"
#include "oci/s3/hash.h"
#include "tests/system/fault_server.h"

namespace hoy::oci {
namespace {

namespace fs = std::filesystem;
using test::FaultReply;
using test::FaultRequest;

struct StoredObject {
  std::string bytes;
  std::map<std::string, std::string> metadata;
  std::string etag() const { return ToHex(Md5Of(bytes)); }
};

std::string Hmac(std::string_view key, std::string_view text) {
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  mac.resize(size);
  return mac;
}

// The signature by the steps of the specification, from what has arrived:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
bool IsSigned(const FaultRequest& request, const std::string& secret) {
  const std::string authorization = request.Header("authorization");
  auto field = [&](const std::string& name) {
    const size_t begin = authorization.find(name + "=") + name.size() + 1;
    return authorization.substr(begin, authorization.find_first_of(", ", begin) - begin);
  };
  const std::string names = field("SignedHeaders");
  const std::string credential = field("Credential");
  const std::string scope = credential.substr(credential.find('/') + 1);
  auto [path, query] = CutAt(request.target, '?');
  std::string canonical = fmt::format("{}\n{}\n{}\n", request.method, path, query.value_or(""));
  for (std::string_view name : Split(names, ';')) {
    canonical += fmt::format("{}:{}\n", name, request.Header(std::string(name)));
  }
  const std::string hash = Sha256Of(request.body).hex();
  canonical += fmt::format("\n{}\n{}", names, hash);
  std::string key = "AWS4" + secret;
  for (std::string_view part : Split(scope, '/')) key = Hmac(key, part);
  const std::string text = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", request.Header("x-amz-date"),
                                       scope, Sha256Of(canonical).hex());
  // Whatever a server may act upon has to be in it.
  for (const auto& [name, value] : request.headers) {
    if ((name.starts_with("x-amz-") || name == "host") &&
        (";" + names + ";").find(";" + name + ";") == std::string::npos) {
      return false;
    }
  }
  return request.Header("x-amz-content-sha256") == hash &&
         ToHex(Hmac(key, text)) == field("Signature");
}

class S3SyncTest : public testing::Test {
 protected:
  S3SyncTest() : server_([this](const FaultRequest& request) { return Answer(request); }) {
    char name[] = "/tmp/hoy-s3-XXXXXX";
    top_ = ::mkdtemp(name);
    request_.files = top_ + "/data";
    request_.state = top_ + "/s3";
    fs::create_directories(request_.files);
    fs::create_directories(request_.state);
    request_.place = {.bucket = "box", .prefix = "p/"};
    request_.access = {.key_id = "K",
                       .secret = "secret",
                       .token = "tok/en=",
                       .region = "eu-west-1",
                       .base = server_.Url("/box")};
  }
  ~S3SyncTest() override { (void)core::RemoveTree(top_); }

  FaultReply Answer(const FaultRequest& request) {
    std::lock_guard lock(mutex_);
    if (!IsSigned(request, "secret")) {
      return {.status = 403, .body = "<Error><Code>SignatureDoesNotMatch</Code></Error>"};
    }
    if (fault_) {
      if (auto reply = fault_(request)) return *reply;
    }
    auto [path, query] = CutAt(request.target, '?');
    const std::string key = UriDecode(path.substr(std::min(path.size(), size_t{5}))).value_or("");
    if (query && query->find("list-type=2") != std::string::npos) return List(std::string(*query));
    if (request.method == "PUT") {
      StoredObject& object = objects[key];
      object = {request.body, {}};
      for (const auto& [name, value] : request.headers) {
        if (name.starts_with("x-amz-meta-")) object.metadata[name] = value;
      }
      return {.headers = {{"ETag", "\"" + object.etag() + "\""}}};
    }
    auto found = objects.find(key);
    if (request.method == "DELETE") {
      if (found != objects.end()) objects.erase(found);
      return {.status = 204};
    }
    if (found == objects.end()) {
      return {.status = 404, .body = "<Error><Code>NoSuchKey</Code></Error>"};
    }
    FaultReply reply{.headers = {{"ETag", "\"" + found->second.etag() + "\""}},
                     .body = found->second.bytes};
    for (const auto& [name, value] : found->second.metadata)
      reply.headers.emplace_back(name, value);
    return reply;
  }

  // Pages of 1,000, as AWS has them.
  FaultReply List(const std::string& query) const {
    constexpr size_t kPage = 1000;
    const size_t token = query.find("continuation-token=");
    // As a token it is encoded once more than as a part of the query.
    std::string after;
    if (token != std::string::npos) {
      const size_t begin = token + std::string_view("continuation-token=").size();
      after = *UriDecode(*UriDecode(query.substr(begin, query.find('&', begin) - begin)));
    }
    std::string xml = "<ListBucketResult><EncodingType>url</EncodingType>";
    size_t count = 0;
    std::string last;
    bool more = false;
    for (auto item = objects.upper_bound(after); item != objects.end(); ++item) {
      if (!item->first.starts_with("p/")) continue;
      if (++count > kPage) {
        more = true;
        break;
      }
      last = item->first;
      xml += fmt::format("<Contents><Key>{}</Key><Size>{}</Size><ETag>\"{}\"</ETag></Contents>",
                         UriEncode(item->first), item->second.bytes.size(), item->second.etag());
    }
    xml += fmt::format("<IsTruncated>{}</IsTruncated>", more);
    if (more) xml += "<NextContinuationToken>" + UriEncode(last) + "</NextContinuationToken>";
    return {.body = xml + "</ListBucketResult>"};
  }

  Result<S3SyncReport> Fetch() { return FetchFromS3(request_, cancel_); }
  Result<S3SyncReport> WriteBack() { return WriteBackToS3(request_, cancel_); }
  void Write(const std::string& path, const std::string& bytes) {
    fs::create_directories(fs::path(request_.files + "/" + path).parent_path());
    ASSERT_TRUE(core::WriteFileAtomically(request_.files + "/" + path, bytes,
                                          core::Durability::kVolatile, 0644));
  }
  std::string Read(const std::string& path) {
    return core::ReadFile(request_.files + "/" + path).value_or("(none)");
  }
  size_t Asked() const { return server_.requests().size(); }

  std::map<std::string, StoredObject> objects;
  std::function<std::optional<FaultReply>(const FaultRequest&)> fault_;
  std::string top_;
  S3SyncRequest request_;
  CancelToken cancel_;
  std::mutex mutex_;
  test::FaultServer server_;
};

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
