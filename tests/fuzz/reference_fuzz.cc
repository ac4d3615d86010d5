#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/image/image_record.h"
#include "oci/image/reference.h"

// What parses reads back the same, and names one file inside images/refs.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hoy::oci::Reference;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto reference = Reference::ParseWithDefaultTag(text);
  if (!reference) return 0;
  auto canonical = Reference::Parse(reference->ToString());
  if (!canonical || *canonical != *reference) abort();
  auto familiar = Reference::ParseWithDefaultTag(reference->Familiar());
  if (!familiar || *familiar != *reference) abort();
  std::string file = hoy::oci::EscapeReference(*reference);
  if (file.empty() || file.size() > 240 || file[0] == '.' || file.find('/') != std::string::npos) {
    abort();
  }
  return 0;
}
