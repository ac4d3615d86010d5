#include "oci/image/proven_layers.h"

#include <algorithm>

#include "oci/image/image_files.h"
#include "oci/image/image_store.h"
#include "oci/image/manifest.h"

namespace hoy::oci {

bool ProvenLayers::IsProven(const Digest& blob, const Digest& diff_id) {
  if (blob == diff_id) return true;
  if (!records_) records_ = ReadRecords(layout_).value_or(std::vector<ImageRecord>{});
  ImageStore images(layout_);
  return std::ranges::any_of(*records_, [&](const ImageRecord& record) {
    if (std::ranges::find(record.diff_ids, diff_id) == record.diff_ids.end()) return false;
    auto bytes = images.ReadBlob(record.manifest);
    if (!bytes) return false;
    auto manifest = ParseManifest(*bytes);
    if (!manifest || manifest->layers.size() != record.diff_ids.size()) return false;
    for (size_t i = 0; i < record.diff_ids.size(); ++i) {
      if (record.diff_ids[i] == diff_id && manifest->layers[i].digest == blob) return true;
    }
    return false;
  });
}

}  // namespace hoy::oci
