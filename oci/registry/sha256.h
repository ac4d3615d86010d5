#pragma once
// SHA-256 while the bytes go by (FIPS 180-4), through OpenSSL.

#include <memory>
#include <span>
#include <string_view>

#include "oci/image/digest.h"

struct evp_md_ctx_st;

namespace hoy::oci {

class Sha256 {
 public:
  Sha256();
  void Update(std::span<const std::byte> bytes);
  Digest Finish();  // starts anew afterwards

  static Digest Of(std::string_view bytes);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace hoy::oci
