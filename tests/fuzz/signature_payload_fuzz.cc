#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/trust/openpgp.h"
#include "oci/trust/payload.h"

// All that comes beside an image to vouch for it: signed texts, lists of attachments, signature
// files, key files, and what gpgv says.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto simple = ParseSimplePayload(text);
  auto sigstore = ParseSigstorePayload(text);
  if (simple && sigstore) abort();  // their types differ
  if (simple && simple->manifest.hex().size() != 64) abort();
  if (sigstore && sigstore->manifest.hex().size() != 64) abort();
  if (auto attachments = ParseAttachments(text)) {
    if (attachments->size() > kMaxSignatures) abort();
    for (const SigstoreAttachment& one : *attachments) {
      if (one.payload.hex().size() != 64 || one.size < 0) abort();
    }
  }
  (void)ParseSignatureFile(text);
  auto keys = DearmorKeys(text);
  if (keys && keys->empty()) abort();
  (void)CheckGpgvStatus(text);
  return 0;
}
