#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/image/manifest.h"

// Manifests and indexes from a registry: parsed, within the limits, or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto document = ParseManifestOrIndex(text, {});
  if (!document) return 0;
  if (const auto* index = std::get_if<Index>(&*document)) {
    if (index->manifests.size() > kMaxLayers) abort();
    (void)SelectPlatform(*index, {.os = "linux", .architecture = "arm", .variant = "v7"});
    return 0;
  }
  const auto& manifest = std::get<Manifest>(*document);
  if (manifest.layers.size() > kMaxLayers || manifest.config.digest.empty()) abort();
  for (const Descriptor& layer : manifest.layers) {
    if (layer.size < 0 || layer.digest.hex().size() != 64) abort();
  }
  return 0;
}
