#include "cli/ops/container_tree.h"

#include <sys/resource.h>

namespace hoy::cli {

std::string UpperDirectory(const core::Layout& layout, const core::ContainerRecord& record) {
  return layout.Container(record.id) + "/upper";
}

std::vector<std::string> ContainerTrees(const core::Layout& layout,
                                        const core::ContainerRecord& record) {
  std::vector<std::string> trees;
  if (record.config.HasUpper()) trees.push_back(UpperDirectory(layout, record));
  if (!record.config.rootfs.path.empty()) trees.push_back(record.config.rootfs.path);
  const auto& chain_ids = record.config.image.chain_ids;
  for (auto chain_id = chain_ids.rbegin(); chain_id != chain_ids.rend(); ++chain_id) {
    trees.push_back(layout.LayerFiles(*chain_id));
  }
  return trees;
}

std::set<std::string> MountTargets(const core::ContainerConfig& config) {
  std::set<std::string> targets;
  for (const core::Mount& mount : config.mounts) {
    if (mount.target.size() > 1) targets.insert(mount.target.substr(1));
  }
  return targets;
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace hoy::cli
