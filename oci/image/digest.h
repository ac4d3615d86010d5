#pragma once
// A content digest, OCI image-spec descriptor.md "Digests". hoy accepts sha256 only (what every
// registry uses); sha512 is refused with a sentence.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::oci {

class Digest {
 public:
  Digest() = default;  // empty: no digest
  // "sha256:<64 lower-case hex>". kInvalidArgument otherwise.
  static Result<Digest> Parse(std::string_view text);
  static Digest FromHex(std::string_view hex64);  // the caller has checked it

  std::string ToString() const { return "sha256:" + hex_; }
  const std::string& hex() const { return hex_; }
  std::string Short() const { return hex_.substr(0, 12); }
  bool empty() const { return hex_.empty(); }
  auto operator<=>(const Digest&) const = default;

 private:
  std::string hex_;
};

}  // namespace hoy::oci
