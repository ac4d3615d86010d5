#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/image/digest.h"

// A digest becomes a file name: nothing but 64 hex digits may come through.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto digest = hoy::oci::Digest::Parse(text);
  if (!digest) return 0;
  if (digest->ToString() != text || digest->hex().size() != 64) abort();
  if (digest->hex().find_first_not_of("0123456789abcdef") != std::string::npos) abort();
  return 0;
}
