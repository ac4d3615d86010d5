#include "oci/trust/public_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace hoy::oci {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Result<bool> VerifyWithKey(std::string_view pem, std::string_view bytes,
                           std::string_view signature) {
  std::unique_ptr<BIO, Freed<BIO_free>> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  if (!key) return Fail(ErrorKind::kCorrupt, "it holds no public key in PEM");
  int type = EVP_PKEY_get_base_id(key.get());
  if (type != EVP_PKEY_EC && type != EVP_PKEY_RSA && type != EVP_PKEY_ED25519) {
    return Fail(ErrorKind::kUnsupported, "its key is none of ECDSA, RSA and Ed25519");
  }
  const EVP_MD* hash = type == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  bool right = context &&
               EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key.get()) == 1 &&
               EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(bytes),
                                bytes.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace hoy::oci
