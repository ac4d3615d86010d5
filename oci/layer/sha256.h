#pragma once
// SHA-256 in pieces, through OpenSSL (which uses the processor's instructions for it).

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "oci/image/digest.h"

namespace hoy::oci {

class Sha256 {
 public:
  Sha256();
  void Update(std::span<const std::byte> bytes);
  Digest Finish();  // once, at the end

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Digest Sha256Of(std::string_view bytes);

}  // namespace hoy::oci
