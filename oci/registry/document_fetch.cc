#include "oci/registry/document_fetch.h"

#include <fmt/core.h>

#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

class MemoryReceiver : public BlobReceiver {
 public:
  explicit MemoryReceiver(size_t limit) : limit_(limit) {}
  Result<> Begin(uint64_t, std::optional<uint64_t>) override {
    bytes.clear();
    return {};
  }
  Result<> Data(std::span<const std::byte> data) override {
    if (bytes.size() + data.size() > limit_) {
      return Fail(ErrorKind::kCorrupt, "longer than the manifest promises");
    }
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }
  std::string bytes;

 private:
  const size_t limit_;
};

Result<std::string> FetchFrom(RegistryClient& client, const Digest& digest, int64_t size,
                              std::string_view what) {
  MemoryReceiver receiver(static_cast<size_t>(size));
  TRY_CONTEXT(
      WithRetries(client.retry(), client.cancel(), {},
                  [&](Attempt& attempt) { return client.GetBlob(digest, 0, receiver, attempt); }),
      "fetch the {}", what);
  if (Digest got = Sha256Of(receiver.bytes); got != digest) {
    Error error =
        MakeError(ErrorKind::kCorrupt, fmt::format("{} '{}': what arrived has the digest {}", what,
                                                   digest.ToString(), got.ToString()));
    error.stage = "verify-blob";
    error.hint = "the registry or a proxy before it damages data";
    return Fail(std::move(error));
  }
  return std::move(receiver.bytes);
}

}  // namespace

Result<std::string> FetchDocument(RegistryClient& client, const Digest& digest, int64_t size,
                                  std::string_view what) {
  Result<std::string> fetched = FetchFrom(client, digest, size, what);
  for (RegistryClient* other = client.fallback();
       !fetched && other != nullptr && !client.cancel().cancelled(); other = other->fallback()) {
    fetched = FetchFrom(*other, digest, size, what);
  }
  return fetched;
}

}  // namespace hoy::oci
