#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/archive/archive_codec.h"
#include "oci/image/manifest.h"
#include "oci/image/manifest_encode.h"

// Indexes and manifest lists: what they offer a platform is one of their entries, and what is
// written of them reads back as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::string_view type : {media_type::kOciIndex, media_type::kDockerIndex}) {
    auto document = ParseManifestOrIndex(text, type);
    if (!document) continue;
    const auto* index = std::get_if<Index>(&*document);
    if (index == nullptr || index->manifests.size() > kMaxLayers) abort();
    for (const char* platform :
         {"linux/amd64", "linux/arm64/v8", "linux/arm/v6", "windows/amd64"}) {
      auto wanted = ParsePlatform(platform, {});
      auto chosen = SelectPlatform(*index, *wanted);
      if (!chosen) continue;
      bool listed = false;
      for (const Descriptor& entry : index->manifests) listed = listed || entry == *chosen;
      if (!listed) abort();
    }
    auto again = ParseLayoutIndex(EncodeIndex(*index));
    if (!again || again->manifests != index->manifests) abort();
  }
  return 0;
}
