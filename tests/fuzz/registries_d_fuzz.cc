#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/registry/registries_d.h"

// registries.d: refused with a line, or places for signatures.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto conf = ParseRegistriesD(text, "x.yaml");
  if (!conf) return 0;
  auto name = Reference::Parse("docker.io/library/busybox:1");
  if (PlacesFor(*conf, *name).lookaside.empty()) abort();
  // The same file twice speaks twice of its scopes.
  RegistriesD twice = *conf;
  bool empty = !conf->fallback && conf->docker.empty();
  if (MergeRegistriesD(twice, *conf).has_value() != empty) abort();
  return 0;
}
