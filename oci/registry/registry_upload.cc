// The pushing half of RegistryClient.

#include <fmt/core.h>

#include "core/base/text.h"
#include "oci/registry/registry_client.h"

namespace hoy::oci {
namespace {

// Some registries move a blob to its final place before they answer.
constexpr std::chrono::seconds kCommitPatience{300};

std::string WithQuery(const std::string& url, const std::string& query) {
  return fmt::format("{}{}{}", url, url.find('?') == std::string::npos ? '?' : '&', query);
}

// "0-99" -> 100. A session without a byte is "0-0" in docker-registry and absent in others.
std::optional<uint64_t> ParseUploadRange(std::string_view text) {
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  auto [first, last] = CutAt(Trim(text), '-');
  auto end = ParseInteger<uint64_t>(last.value_or(""));
  if (first != "0" || !end || *end == UINT64_MAX) return std::nullopt;
  return *end == 0 ? 0 : *end + 1;
}

}  // namespace

Result<std::string> RegistryClient::NextUrl(const std::string& url,
                                            const HttpResponse& response) const {
  std::string location(response.Header("location"));
  if (location.empty()) return url;
  TRY_CONTEXT_SET(std::string next, ResolveUrl(url, location), "upload to '{}'", registry_);
  if (url.starts_with("https:") && !next.starts_with("https:") && !http_.IsInsecure(registry_)) {
    Error error =
        MakeError(ErrorKind::kNetwork,
                  fmt::format("registry '{}' wants the upload in clear, at '{}'", registry_, next));
    error.stage = "redirect";
    error.hint = "the proxy before it may lack X-Forwarded-Proto";
    return Fail(std::move(error));
  }
  return next;
}

Result<bool> RegistryClient::HasBlob(const Digest& digest) {
  auto found =
      WithRetries(retry_, cancel(), observer_, [&](Attempt& attempt) -> Result<HttpResponse> {
        TRY(std::string base, BaseUrl());
        return Exchange({.method = "HEAD", .url = base + "/blobs/" + digest.ToString()},
                        fmt::format("blob '{}'", digest.ToString()), nullptr, attempt);
      });
  if (found) return true;
  if (found.error().kind == ErrorKind::kNotFound) return false;
  return Fail(std::move(found).error());
}

Result<UploadSession> RegistryClient::BeginUpload(const Digest& mount, const std::string& from,
                                                  Attempt& attempt) {
  TRY(std::string base, BaseUrl());
  std::string url = base + "/blobs/uploads/";
  if (!from.empty()) {
    url = WithQuery(
        url, fmt::format("mount={}&from={}", PercentEncode(mount.ToString()), PercentEncode(from)));
  }
  TRY(HttpResponse response, Exchange({.method = "POST", .url = url},
                                      fmt::format("'{}/{}'", registry_, path_), nullptr, attempt));
  UploadSession session;
  session.mounted = response.status == 201 && !from.empty();
  if (session.mounted) return session;
  if (response.Header("location").empty()) {
    return Fail(MakeError(ErrorKind::kCorrupt,
                          fmt::format("'{}/{}': the registry opens an upload without saying where",
                                      registry_, path_))
                    .WithHint("this may not be a registry, or not one of the v2 protocol"));
  }
  TRY(session.url, NextUrl(url, response));
  return session;
}

Result<> RegistryClient::PutUpload(const UploadSession& session, const Digest& digest,
                                   BodySource& bytes, Attempt& attempt) {
  TRY(Exchange({.method = "PUT",
                .url = WithQuery(session.url, "digest=" + PercentEncode(digest.ToString())),
                .headers = {"Content-Type: application/octet-stream"},
                .upload = &bytes,
                .stall = kCommitPatience},
               fmt::format("blob '{}'", digest.ToString()), nullptr, attempt));
  return {};
}

Result<> RegistryClient::PatchUpload(UploadSession& session, BodySource& bytes, Attempt& attempt) {
  uint64_t end = session.offset + bytes.size();
  TRY(HttpResponse response,
      Exchange({.method = "PATCH",
                .url = session.url,
                .headers = {"Content-Type: application/octet-stream",
                            fmt::format("Content-Range: {}-{}", session.offset, end - 1)},
                .upload = &bytes,
                .stall = kCommitPatience},
               fmt::format("upload to '{}/{}'", registry_, path_), nullptr, attempt));
  TRY(session.url, NextUrl(session.url, response));
  session.offset = ParseUploadRange(response.Header("range")).value_or(end);
  return {};
}

Result<> RegistryClient::AskUpload(UploadSession& session, Attempt& attempt) {
  TRY(HttpResponse response,
      Exchange({.url = session.url}, fmt::format("upload to '{}/{}'", registry_, path_), nullptr,
               attempt));
  auto offset = ParseUploadRange(response.Header("range"));
  if (!offset) {
    return Fail(ErrorKind::kNotFound, "the registry does not say how much it has");
  }
  TRY(session.url, NextUrl(session.url, response));
  session.offset = *offset;
  return {};
}

Result<> RegistryClient::FinishUpload(const UploadSession& session, const Digest& digest,
                                      Attempt& attempt) {
  TRY(Exchange({.method = "PUT",
                .url = WithQuery(session.url, "digest=" + PercentEncode(digest.ToString())),
                .headers = {"Content-Type: application/octet-stream"},
                .stall = kCommitPatience},
               fmt::format("blob '{}'", digest.ToString()), nullptr, attempt));
  return {};
}

Result<> RegistryClient::PutManifest(const std::string& tag_or_digest, const std::string& bytes,
                                     const std::string& media_type, const Digest& digest) {
  bool is_digest = tag_or_digest.find(':') != std::string::npos;
  std::string what = fmt::format("manifest of '{}/{}{}{}'", registry_, path_, is_digest ? "@" : ":",
                                 tag_or_digest);
  TRY(HttpResponse response,
      WithRetries(retry_, cancel(), observer_, [&](Attempt& attempt) -> Result<HttpResponse> {
        TRY(std::string base, BaseUrl());
        return Exchange({.method = "PUT",
                         .url = base + "/manifests/" + tag_or_digest,
                         .headers = {"Content-Type: " + media_type},
                         .body = bytes,
                         .stall = kCommitPatience},
                        what, nullptr, attempt);
      }));
  std::string_view stored = response.Header("docker-content-digest");
  if (stored.starts_with("sha256:") && stored != digest.ToString()) {
    return Fail(MakeError(ErrorKind::kCorrupt,
                          fmt::format("{}: {} was sent, and the registry has stored {}", what,
                                      digest.ToString(), stored))
                    .WithHint("the registry or a proxy before it damages data"));
  }
  return {};
}

}  // namespace hoy::oci
