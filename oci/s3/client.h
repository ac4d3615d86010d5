#pragma once
// One bucket over HTTP (https://docs.aws.amazon.com/AmazonS3/latest/API/). Requests are signed by
// libcurl (CURLOPT_AWS_SIGV4) and tried again where that may help. What is sent has its SHA-256 in
// the signature and its MD5 in Content-MD5; the ETag that comes back is compared. Any number of
// threads may use it.
//
// Errors: kNotFound (stage "no-bucket", "no-key"), kUnauthorized (stage "denied"), kUnsupported
// (stage "archived": it is to be restored first), kConflict (stage "changed": it is another object
// now), kCorrupt, and those of http.h.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/registry/http.h"
#include "oci/registry/retry.h"
#include "oci/s3/access.h"
#include "oci/s3/metadata.h"
#include "oci/s3/tree.h"

namespace hoy::oci {

class S3Client {
 public:
  // `cancel` must outlive it. `observer` is called before each wait for another try, by the threads
  // that send.
  S3Client(S3Access access, std::string url, HttpOptions http, RetryObserver observer,
           const CancelToken& cancel, RetryPolicy policy = {});

  Result<std::vector<S3Object>> List(const std::string& prefix);
  // Whether there is any object, from one request: what is wrong with the bucket shows.
  Result<bool> HasAny(const std::string& prefix);

  // The object into the file, from where an earlier try ended when it is still the same object;
  // then its headers. kCorrupt: the bytes are not those that were announced.
  Result<HttpResponse> Get(const S3Object& object, BorrowedFd file);

  // The ETag.
  Result<std::string> Put(const std::string& key, std::string body,
                          const std::vector<std::string>& metadata);
  Result<std::string> ETagNow(const std::string& key);
  Result<> Delete(const std::string& key);  // one that is not there is deleted

  // Returns the upload's id.
  Result<std::string> BeginParts(const std::string& key, const std::vector<std::string>& metadata);
  Result<std::string> PutPart(const std::string& key, const std::string& upload, size_t number,
                              std::string body);
  Result<std::string> CompleteParts(const std::string& key, const std::string& upload,
                                    const std::vector<std::string>& etags);
  Result<> AbortParts(const std::string& key, const std::string& upload);

 private:
  struct Request {
    std::string method = "GET";
    std::string key;    // empty: the bucket
    std::string query;  // in canonical order and encoding
    std::string body;
    std::vector<std::string> headers;
    std::string what;  // for errors: "list", "read 'a/b'"
  };
  Result<HttpResponse> Send(const Request& request, BodyConsumer* consumer = nullptr,
                            Attempt* attempt = nullptr);
  Result<std::string> SendChecked(Request request);
  Result<HttpResponse> SendOnce(const Request& request, BodyConsumer* consumer, Attempt& attempt);
  Error RefusalOf(const HttpResponse& response, const Request& request) const;
  Result<HttpResponse> GetOnce(const S3Object& object, BorrowedFd file, uint64_t& furthest,
                               Attempt& attempt);

  S3Access access_;
  std::string url_;
  AwsSigner signer_;
  HttpClient http_;
  RetryPolicy policy_;
  RetryObserver observer_;
};

}  // namespace hoy::oci
