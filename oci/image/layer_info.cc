#include "oci/image/layer_info.h"

#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "core/sys/files.h"
#include "oci/image/codec.h"
#include "oci/image/layer_path.h"

namespace hoy::oci {
namespace {

constexpr size_t kMaxInfoBytes = 4096;

// Each inode once: what ApplyLayer counts.
uint64_t FileBytes(const std::string& directory) {
  uint64_t bytes = 0;
  std::set<ino_t> seen;
  std::error_code ignored;
  auto walk = std::filesystem::recursive_directory_iterator(
      directory, std::filesystem::directory_options::skip_permission_denied, ignored);
  for (; walk != std::filesystem::recursive_directory_iterator(); walk.increment(ignored)) {
    struct stat info{};
    if (::lstat(walk->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (info.st_nlink > 1 && !seen.insert(info.st_ino).second) continue;
    bytes += static_cast<uint64_t>(info.st_size);
  }
  return bytes;
}

}  // namespace

std::string EncodeLayerInfo(const LayerInfo& info) {
  Json object = {{"version", 1},
                 {"diff_id", info.diff_id.ToString()},
                 {"tar_bytes", info.tar_bytes},
                 {"file_bytes", info.file_bytes}};
  return object.dump() + "\n";
}

Result<LayerInfo> DecodeLayerInfo(std::string_view bytes) {
  return DecodeJson<LayerInfo>(bytes, "layer record", kMaxInfoBytes, [](const Json& object) {
    return Result<LayerInfo>(LayerInfo{.diff_id = DigestAt(object, "diff_id"),
                                       .tar_bytes = IntegerAt(object, "tar_bytes"),
                                       .file_bytes = IntegerAt(object, "file_bytes")});
  });
}

Result<LayerInfo> ReadLayerInfo(const core::Layout& layout, const Digest& chain_id) {
  TRY(std::string bytes,
      core::ReadFile(LayerDirectory(layout, chain_id) + "/" + kLayerInfoName, kMaxInfoBytes));
  return DecodeLayerInfo(bytes);
}

uint64_t LayerFileBytes(const core::Layout& layout, const Digest& chain_id) {
  auto info = ReadLayerInfo(layout, chain_id);
  if (info) return static_cast<uint64_t>(info->file_bytes);
  return FileBytes(LayerFiles(layout, chain_id));
}

}  // namespace hoy::oci
