#pragma once
// MD5, which is the ETag of an object that came in one piece, and of one that came in parts the MD5
// of their MD5s, "-" and their number. As a checksum, not for its strength.

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::oci {

class Md5 {
 public:
  Md5();
  void Update(std::string_view bytes);
  std::string Finish();  // 16 bytes; once

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};
std::string Md5Of(std::string_view bytes);

std::string ToHex(std::string_view bytes);
// One that can be compared with what a file has: not that of an object which S3 encrypts with a key
// of its own.
bool IsMd5ETag(std::string_view etag);
bool IsPartsETag(std::string_view etag);  // "<32 hex>-<number>"
std::string PartsETag(std::string_view md5s, size_t parts);

// Of a file of `size` bytes that we would send: in parts from kPartSize on.
inline constexpr uint64_t kPartSize = 8 << 20;
uint64_t PartSizeFor(uint64_t size);  // at most 10,000 parts are allowed
Result<std::string> ETagOf(BorrowedFd file, uint64_t size);
Result<std::string> Md5OfFile(BorrowedFd file);

// Exactly that much from there. kConflict: the file has become shorter.
Result<std::string> ReadRange(BorrowedFd file, uint64_t offset, uint64_t size);

}  // namespace hoy::oci
