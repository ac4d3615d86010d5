#include "oci/s3/client.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "oci/registry/base64.h"
#include "oci/registry/status_error.h"
#include "oci/s3/answers.h"
#include "oci/s3/hash.h"

namespace hoy::oci {
namespace {

std::string ETagOf(const HttpResponse& response) {
  std::string etag(response.Header("etag"));
  std::erase(etag, '"');
  return etag;
}

// What S3 encrypts with a key of its own has other ETags.
bool HasMd5ETag(const HttpResponse& response) {
  return !response.Header("x-amz-server-side-encryption").starts_with("aws:kms") &&
         response.Header("x-amz-server-side-encryption-customer-algorithm").empty() &&
         IsMd5ETag(ETagOf(response));
}

Error Corrupt(std::string message) {
  return MakeError(ErrorKind::kCorrupt, std::move(message))
      .WithHint("the object was damaged on its way or in the bucket");
}

// The rest of an object behind what the file has, or all of it. Progress is what comes behind
// `furthest`, which earlier tries have reached: a server that always begins again gets no more
// tries for that.
class FileBody final : public BodyConsumer {
 public:
  FileBody(const S3Object& object, BorrowedFd file, uint64_t have, uint64_t& furthest,
           Attempt& attempt)
      : object_(object), file_(file), offset_(have), furthest_(furthest), attempt_(attempt) {}

  Result<> OnHeaders(const HttpResponse& response) override {
    bool same = ETagOf(response) == object_.etag;
    end_ = same ? object_.size : response.ContentLength().value_or(UINT64_MAX);
    if (response.status == 206) {
      end_ = object_.size;
      std::string_view range = response.Header("content-range");
      if (!range.empty() && !range.starts_with(fmt::format("bytes {}-", offset_))) {
        return Fail(Corrupt(fmt::format("read '{}': another part of it came", object_.key)));
      }
    } else {
      offset_ = 0;
      if (ftruncate(file_.get(), 0) != 0) return FailErrno("truncate", "the temporary file");
    }
    if (lseek(file_.get(), static_cast<off_t>(offset_), SEEK_SET) < 0) {
      return FailErrno("seek", "the temporary file");
    }
    return {};
  }
  Result<> OnData(std::span<const std::byte> bytes) override {
    offset_ += bytes.size();
    if (offset_ > end_) {
      (void)ftruncate(file_.get(), 0);
      return Fail(Corrupt(fmt::format("read '{}': more came than was announced", object_.key)));
    }
    if (offset_ > furthest_) {
      furthest_ = offset_;
      attempt_.progressed = true;
    }
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return core::WriteAll(file_, text, "the temporary file");
  }

 private:
  const S3Object& object_;
  BorrowedFd file_;
  uint64_t offset_;
  uint64_t end_ = 0;
  uint64_t& furthest_;
  Attempt& attempt_;
};

}  // namespace

S3Client::S3Client(S3Access access, std::string url, HttpOptions http, RetryObserver observer,
                   const CancelToken& cancel, RetryPolicy policy)
    : access_(std::move(access)),
      url_(std::move(url)),
      signer_{.region = access_.region, .key_id = access_.key_id, .secret = access_.secret},
      http_(std::move(http), cancel),
      policy_(policy),
      observer_(std::move(observer)) {}

Error S3Client::RefusalOf(const HttpResponse& response, const Request& request) const {
  auto refusal = ParseRefusal(response.body);
  std::string detail = refusal ? refusal->code : fmt::format("status {}", response.status);
  if (refusal && !refusal->message.empty()) detail += ": " + refusal->message;
  Error error = MakeError(ErrorKind::kNetwork, fmt::format("{}: {}", request.what, detail));
  error.subject = url_;
  error.stage = "status";
  std::string region = refusal ? refusal->region : "";
  if (region.empty()) region = response.Header("x-amz-bucket-region");
  bool elsewhere = !region.empty() && region != access_.region;
  if (response.status == 404 && refusal && refusal->code == "NoSuchBucket") {
    error.kind = ErrorKind::kNotFound;
    error.stage = "no-bucket";
    error.hint = "hoy makes no buckets; check bucket= and endpoint=";
  } else if (response.status == 404) {
    error.kind = ErrorKind::kNotFound;
    error.stage = "no-key";
  } else if (response.status == 412) {
    error.kind = ErrorKind::kConflict;
    error.stage = "changed";
  } else if (elsewhere && (response.status / 100 == 3 || response.status == 400)) {
    error.hint = "the bucket is in another region: region=" + region;
  } else if (response.status == 403 && refusal && refusal->code == "InvalidObjectState") {
    error.kind = ErrorKind::kUnsupported;
    error.stage = "archived";
  } else if (response.status == 401 || response.status == 403) {
    error.kind = ErrorKind::kUnauthorized;
    error.stage = "denied";
    error.hint = access_.key_id.empty()
                     ? "no keys were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                       "profile= of ~/.aws/credentials"
                     : fmt::format("the access key '{}' may not do that, or its secret is wrong",
                                   access_.key_id);
  } else if (response.status == 429 || response.status == 503) {
    error.stage = "rate-limit";
  } else if (response.status >= 500 || response.status == 408) {
    error.stage = "server";
  }
  return error;
}

Result<HttpResponse> S3Client::SendOnce(const Request& request, BodyConsumer* consumer,
                                        Attempt& attempt) {
  HttpRequest http{.method = request.method, .headers = request.headers, .body = request.body};
  http.url = access_.base;
  if (!request.key.empty()) http.url += "/" + UriEncode(request.key, true);
  // An empty path is not one that can be signed.
  if (request.key.empty() && access_.base.find('/', sizeof("https://")) == std::string::npos) {
    http.url += "/";
  }
  if (!request.query.empty()) http.url += "?" + request.query;
  if (!access_.key_id.empty()) {
    http.signer = &signer_;
    http.headers.push_back("x-amz-content-sha256: " + Sha256Of(request.body).hex());
    if (!access_.token.empty()) http.headers.push_back("x-amz-security-token: " + access_.token);
  }
  auto response = http_.Send(http, consumer);
  if (!response) {
    Error error = std::move(response).error();
    if (error.stage == "connect") error.hint = "check endpoint= and region=";
    if (error.stage == "transfer") error.hint = "the bucket or the network stalls";
    return Fail(std::move(error).InContext(request.what));
  }
  if (response->status >= 200 && response->status <= 299) return response;
  attempt.retry_after = RetryAfter(*response, core::Now());
  return Fail(RefusalOf(*response, request));
}

Result<HttpResponse> S3Client::Send(const Request& request, BodyConsumer* consumer,
                                    Attempt* attempt) {
  if (attempt != nullptr) return SendOnce(request, consumer, *attempt);
  return WithRetries(policy_, http_.cancel(), observer_,
                     [&](Attempt& next) { return SendOnce(request, consumer, next); });
}

Result<std::vector<S3Object>> S3Client::List(const std::string& prefix) {
  std::vector<S3Object> objects;
  std::string next;
  do {
    Request request{.what = fmt::format("list '{}'", url_)};
    if (!next.empty()) request.query = "continuation-token=" + UriEncode(next) + "&";
    request.query += "encoding-type=url&list-type=2&prefix=" + UriEncode(prefix);
    TRY(HttpResponse response, Send(request));
    TRY_CONTEXT_SET(ListPage page, ParseListPage(response.body), "{}", request.what);
    // What a page leaves out would pass for deleted.
    if (!objects.empty() && !page.objects.empty() &&
        page.objects.front().key <= objects.back().key) {
      return Fail(ErrorKind::kCorrupt, "{}: its pages are not in order", request.what);
    }
    if (!page.next.empty() && page.next == next) {
      return Fail(ErrorKind::kCorrupt, "{}: the listing goes round in circles", request.what);
    }
    next = page.next;
    objects.insert(objects.end(), std::make_move_iterator(page.objects.begin()),
                   std::make_move_iterator(page.objects.end()));
  } while (!next.empty());
  return objects;
}

Result<bool> S3Client::HasAny(const std::string& prefix) {
  Request request{.what = fmt::format("list '{}'", url_)};
  request.query = "encoding-type=url&list-type=2&prefix=" + UriEncode(prefix);
  TRY(HttpResponse response, Send(request));
  TRY_CONTEXT_SET(ListPage page, ParseListPage(response.body), "{}", request.what);
  return !page.objects.empty();
}

Result<HttpResponse> S3Client::GetOnce(const S3Object& object, BorrowedFd file, uint64_t& furthest,
                                       Attempt& attempt) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return FailErrno("stat", "the temporary file");
  auto have = static_cast<uint64_t>(status.st_size);
  Request request{.key = object.key, .what = fmt::format("read '{}'", object.key)};
  if (have > 0 && have < object.size && !object.etag.empty()) {
    request.headers.push_back(fmt::format("Range: bytes={}-", have));
    request.headers.push_back(fmt::format("If-Match: \"{}\"", object.etag));
  } else if (have > 0 && have == object.size) {
    request.method = "HEAD";  // all of it is here: its metadata is wanted
  } else {
    have = 0;
  }
  FileBody body(object, file, have, furthest, attempt);
  bool wants_bytes = request.method == "GET";
  TRY(HttpResponse response, Send(request, wants_bytes ? &body : nullptr, &attempt));
  std::string etag = ETagOf(response);
  if (!wants_bytes && etag != object.etag) {
    (void)ftruncate(file.get(), 0);
    return GetOnce(object, file, furthest, attempt);
  }
  if (fstat(file.get(), &status) != 0) return FailErrno("stat", "the temporary file");
  have = static_cast<uint64_t>(status.st_size);
  // One that was replaced since the listing is as good, and as large as it says itself.
  bool same = etag == object.etag;
  uint64_t announced = same ? object.size : response.ContentLength().value_or(have);
  if (have != announced) {
    (void)ftruncate(file.get(), 0);
    return Fail(Corrupt(
        fmt::format("read '{}': {} bytes came instead of {}", object.key, have, announced)));
  }
  if (HasMd5ETag(response)) {
    TRY(std::string md5, Md5OfFile(file));
    if (md5 != etag) {
      (void)ftruncate(file.get(), 0);
      return Fail(Corrupt(fmt::format("read '{}': its MD5 is not its ETag", object.key)));
    }
  }
  return response;
}

Result<HttpResponse> S3Client::Get(const S3Object& object, BorrowedFd file) {
  uint64_t furthest = 0;
  return WithRetries(policy_, http_.cancel(), observer_,
                     [&](Attempt& attempt) -> Result<HttpResponse> {
                       auto response = GetOnce(object, file, furthest, attempt);
                       if (response || response.error().stage != "changed") return response;
                       if (ftruncate(file.get(), 0) != 0)
                         return FailErrno("truncate", "the temporary file");
                       return GetOnce(object, file, furthest, attempt);
                     });
}

// What arrived is what was sent, as far as the server tells. Its ETag.
Result<std::string> S3Client::SendChecked(Request request) {
  std::string md5 = Md5Of(request.body);
  request.headers.push_back("Content-MD5: " + Base64Encode(md5));
  TRY(HttpResponse response, Send(request));
  std::string etag = ETagOf(response);
  if (etag.empty()) return Fail(ErrorKind::kCorrupt, "{}: the answer has no ETag", request.what);
  if (HasMd5ETag(response) && etag != ToHex(md5)) {
    return Fail(ErrorKind::kCorrupt, "{}: what arrived there is something else", request.what);
  }
  return etag;
}

Result<std::string> S3Client::Put(const std::string& key, std::string body,
                                  const std::vector<std::string>& metadata) {
  return SendChecked({.method = "PUT",
                      .key = key,
                      .body = std::move(body),
                      .headers = metadata,
                      .what = fmt::format("write '{}'", key)});
}

Result<std::string> S3Client::ETagNow(const std::string& key) {
  TRY(HttpResponse response,
      Send({.method = "HEAD", .key = key, .what = fmt::format("look at '{}'", key)}));
  return ETagOf(response);
}

Result<> S3Client::Delete(const std::string& key) {
  auto response = Send({.method = "DELETE", .key = key, .what = fmt::format("delete '{}'", key)});
  if (!response && response.error().stage != "no-key") return Fail(std::move(response).error());
  return {};
}

Result<std::string> S3Client::BeginParts(const std::string& key,
                                         const std::vector<std::string>& metadata) {
  Request request{.method = "POST",
                  .key = key,
                  .query = "uploads=",
                  .headers = metadata,
                  .what = fmt::format("write '{}'", key)};
  TRY(HttpResponse response, Send(request));
  TRY_CONTEXT_SET(std::string id, ParseUploadId(response.body), "{}", request.what);
  return id;
}

Result<std::string> S3Client::PutPart(const std::string& key, const std::string& upload,
                                      size_t number, std::string body) {
  return SendChecked({.method = "PUT",
                      .key = key,
                      .query = fmt::format("partNumber={}&uploadId={}", number, UriEncode(upload)),
                      .body = std::move(body),
                      .headers = {"Content-Type: application/octet-stream"},
                      .what = fmt::format("write part {} of '{}'", number, key)});
}

Result<std::string> S3Client::CompleteParts(const std::string& key, const std::string& upload,
                                            const std::vector<std::string>& etags) {
  Request request{.method = "POST",
                  .key = key,
                  .query = "uploadId=" + UriEncode(upload),
                  .body = CompleteRequest(etags),
                  .headers = {"Content-Type: application/xml"},
                  .what = fmt::format("write '{}'", key)};
  // The answer begins before the server is done, and so a failure may come as a success.
  return WithRetries(
      policy_, http_.cancel(), observer_, [&](Attempt& attempt) -> Result<std::string> {
        TRY(HttpResponse response, SendOnce(request, nullptr, attempt));
        TRY_CONTEXT_SET(std::string etag, ParseCompleted(response.body), "{}", request.what);
        return etag;
      });
}

Result<> S3Client::AbortParts(const std::string& key, const std::string& upload) {
  auto response = Send({.method = "DELETE",
                        .key = key,
                        .query = "uploadId=" + UriEncode(upload),
                        .what = fmt::format("give up writing '{}'", key)});
  if (!response && response.error().kind != ErrorKind::kNotFound) {
    return Fail(std::move(response).error());
  }
  return {};
}

}  // namespace hoy::oci
