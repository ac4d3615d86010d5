#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/archive/archive_codec.h"
#include "oci/image/config_edit.h"
#include "oci/image/layer_info.h"
#include "oci/image/manifest_encode.h"

// The lists in archives: parsed, within the limits, or refused; what hoy writes of them it reads
// back as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto entries = ParseDockerArchiveManifest(text)) {
    if (entries->empty() || entries->size() > kMaxArchiveImages) abort();
    for (const DockerArchiveEntry& entry : *entries) {
      if (entry.config.empty() || entry.layers.size() > kMaxLayers) abort();
    }
  }
  (void)CheckOciLayoutFile(text);
  (void)DecodeLayerInfo(text);
  if (auto index = ParseLayoutIndex(text)) {
    auto again = ParseLayoutIndex(EncodeIndex(*index));
    if (!again || again->manifests != index->manifests) abort();
  }
  if (auto manifest = ParseManifest(text)) {
    for (ManifestFormat format : {ManifestFormat::kOci, ManifestFormat::kDocker}) {
      Manifest converted = Convert(*manifest, format);
      auto again = ParseManifest(EncodeManifest(converted));
      if (!again || again->layers != converted.layers || FormatOf(*again) != format) abort();
    }
  }
  // A step on top of any configuration that was accepted is one, too.
  ImageStep step{.comment = "x", .diff_id = Digest::FromHex(std::string(64, 'a'))};
  if (auto config = AddStep(text, step)) {
    auto parsed = ParseImageConfig(*config);
    if (parsed && (parsed->diff_ids.empty() || parsed->diff_ids.back() != step.diff_id)) abort();
  }
  return 0;
}
