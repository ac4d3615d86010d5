#include "core/rootfs/mount_source.h"

namespace hoy::core {

std::vector<std::string> LayerDirectories(const Layout& layout,
                                          const std::vector<std::string>& chain_ids) {
  std::vector<std::string> directories;
  directories.reserve(chain_ids.size());
  for (auto chain_id = chain_ids.rbegin(); chain_id != chain_ids.rend(); ++chain_id) {
    directories.push_back(layout.LayerFiles(*chain_id));
  }
  return directories;
}

std::vector<std::string> SourceLayers(const Layout& layout, const Mount& mount) {
  if (!mount.image) return {mount.source};
  return LayerDirectories(layout, mount.image->chain_ids);
}

std::string SubpathOf(const Mount& mount) {
  if (mount.volume) return mount.volume->subpath;
  return mount.image ? mount.image->subpath : "";
}

}  // namespace hoy::core
