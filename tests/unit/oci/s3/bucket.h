#pragma once
// A bucket in this process, which a test can make lie, and a copy of it.

#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "oci/s3/answers.h"
#include "oci/s3/hash.h"
#include "oci/s3/sync.h"
#include "tests/system/fault_server.h"

namespace hoy::oci {

namespace fs = std::filesystem;
using test::FaultReply;
using test::FaultRequest;

struct StoredObject {
  std::string bytes;
  std::map<std::string, std::string> metadata;
  std::string etag() const { return ToHex(Md5Of(bytes)); }
};

inline std::string Hmac(std::string_view key, std::string_view text) {
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
inline bool IsSigned(const FaultRequest& request, const std::string& secret) {
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

}  // namespace hoy::oci
