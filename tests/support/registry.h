#pragma once
// Debian's docker-registry, one process on a loopback port that the kernel picks, with its storage
// in a directory of its own.

#include <memory>
#include <optional>
#include <string>

#include "tests/support/image.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

namespace hoy::test {

struct RegistryOptions {
  std::string storage;       // existing directory to serve; empty: a fresh one
  std::string storage_yaml;  // more of the "storage:" section, indented by two spaces
  std::string http_yaml;     // more of the "http:" section, indented by two spaces (tls ...)
  std::string more_yaml;     // more top-level sections (auth ...)
};

class Registry {
 public:
  explicit Registry(const RegistryOptions& options = {});  // serves when it returns
  ~Registry();

  const std::string& storage() const { return storage_; }
  const std::string& address() const { return address_; }  // "127.0.0.1:40123"
  std::string Reference(const std::string& name, const std::string& tag = "latest") const;

  // PUT by the distribution protocol. Throws when the registry refuses.
  void Push(const std::string& name, const std::string& tag, const Image& image);
  void PushIndex(const std::string& name, const std::string& tag, const Blob& index,
                 const std::vector<IndexEntry>& entries);

  // Where the registry keeps a blob: spoil it to serve wrong bytes.
  std::string BlobPath(const std::string& digest) const;

 private:
  void PutBlob(const std::string& name, const Blob& blob);
  void PutManifest(const std::string& name, const std::string& reference, const Blob& manifest);

  ScratchDirectory scratch_;
  std::string storage_;
  std::string address_;
  std::optional<Background> server_;
};

// A plain HTTP exchange with a server of this test's own.
struct HttpReply {
  long status = 0;
  std::string location;
  std::string body;
};
HttpReply HttpSend(const std::string& method, const std::string& url, const std::string& body,
                   const std::string& content_type);

}  // namespace hoy::test
