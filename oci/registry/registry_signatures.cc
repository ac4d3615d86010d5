#include "oci/registry/registry_signatures.h"

#include <fmt/core.h>

#include <optional>

#include "core/sys/files.h"
#include "oci/registry/document_fetch.h"
#include "oci/trust/payload.h"

namespace hoy::oci {
namespace {

using Signatures = std::vector<UntrustedSignature>;

class RegistrySignatures final : public SignatureSource {
 public:
  RegistrySignatures(HttpClient& http, RegistryClient& client, const Reference& there)
      : http_(http), client_(client), there_(there) {}

  Result<Signatures> Find(const Digest& manifest, UntrustedSignature::Kind kind) override {
    if (!places_) {
      TRY(RegistriesD conf, LoadRegistriesD());
      places_ = PlacesFor(conf, there_);
    }
    if (kind == UntrustedSignature::Kind::kSimple) return FromLookaside(manifest);
    if (!places_->attachments) return Signatures{};
    return FromAttachments(manifest);
  }

  std::string HintForNone(UntrustedSignature::Kind kind) const override {
    if (!places_) return "";
    if (kind == UntrustedSignature::Kind::kSimple) {
      return fmt::format("they were looked for in {} (see containers-registries.d(5))",
                         places_->lookaside);
    }
    if (places_->attachments) return "";
    return fmt::format(
        "a file in /etc/containers/registries.d has to say 'use-sigstore-attachments: true' for "
        "'{}'",
        there_.Name());
  }

 private:
  Result<Signatures> FromLookaside(const Digest& manifest) {
    std::string base = places_->lookaside;
    while (base.ends_with('/')) base.pop_back();
    Signatures signatures;
    for (size_t i = 1; i <= kMaxSignatures; ++i) {
      std::string url =
          fmt::format("{}/{}@sha256={}/signature-{}", base, there_.path(), manifest.hex(), i);
      TRY(std::optional<std::string> bytes, ReadUrl(url));
      if (!bytes) return signatures;
      TRY(UntrustedSignature signature, ParseSignatureFile(*bytes));
      if (signature.kind == UntrustedSignature::Kind::kSimple) {
        signatures.push_back(std::move(signature));
      }
    }
    return signatures;
  }

  // nullopt: there is none.
  Result<std::optional<std::string>> ReadUrl(const std::string& url) {
    constexpr std::string_view kFile = "file://";
    if (url.starts_with(kFile)) {
      auto bytes = core::ReadFile(url.substr(kFile.size()), kMaxSignatureBytes);
      if (!bytes && bytes.error().system_errno == ENOENT) return std::nullopt;
      if (!bytes) return Fail(std::move(bytes).error());
      return *std::move(bytes);
    }
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
      return Fail(ErrorKind::kUnsupported,
                  "lookaside '{}' is neither file:, http: nor https:", places_->lookaside);
    }
    TRY_CONTEXT_SET(HttpResponse response,
                    WithRetries(client_.retry(), client_.cancel(), {},
                                [&](Attempt& attempt) { return Get(url, attempt); }),
                    "signature '{}'", url);
    if (response.status == 404) return std::nullopt;
    return std::move(response.body);
  }

  Result<HttpResponse> Get(const std::string& url, Attempt& attempt) {
    TRY(HttpResponse response, http_.Send({.url = url}));
    if (response.status == 200 || response.status == 404) return response;
    if (response.status >= 500) attempt.retry_after = RetryAfter(response, core::Now());
    Error error = MakeError(ErrorKind::kNetwork, fmt::format("the answer is {}", response.status));
    error.stage = response.status >= 500 ? "server" : "status";
    return Fail(std::move(error));
  }

  Result<Signatures> FromAttachments(const Digest& manifest) {
    auto answer = client_.GetManifest(fmt::format("sha256-{}.sig", manifest.hex()));
    if (!answer && answer.error().kind == ErrorKind::kNotFound) return Signatures{};
    if (!answer) return Fail(std::move(answer).error());
    TRY(std::vector<SigstoreAttachment> attachments, ParseAttachments(answer->bytes));
    Signatures signatures;
    for (SigstoreAttachment& attachment : attachments) {
      if (attachment.size > static_cast<int64_t>(kMaxSignatureBytes)) {
        return Fail(ErrorKind::kCorrupt, "signature '{}': {} bytes are too many",
                    attachment.payload.Short(), attachment.size);
      }
      TRY(std::string payload,
          FetchDocument(client_, attachment.payload, attachment.size, "signature"));
      signatures.push_back({.kind = UntrustedSignature::Kind::kSigstore,
                            .bytes = std::move(payload),
                            .signature = std::move(attachment.signature)});
    }
    return signatures;
  }

  HttpClient& http_;
  RegistryClient& client_;
  const Reference& there_;
  std::optional<SignaturePlaces> places_;
};

}  // namespace

std::unique_ptr<SignatureSource> MakeRegistrySignatures(HttpClient& http, RegistryClient& client,
                                                        const Reference& there) {
  return std::make_unique<RegistrySignatures>(http, client, there);
}

}  // namespace hoy::oci
