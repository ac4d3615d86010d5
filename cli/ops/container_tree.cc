#include "cli/ops/container_tree.h"

#include <sys/resource.h>

#include "cli/ui/printable.h"
#include "core/sys/files.h"

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

Result<> CheckNotTorn(Context& context, const std::vector<std::string>& torn) {
  if (torn.empty()) return {};
  for (const std::string& name : torn) {
    context.err.Print("hoy: {} shrank while it was read\n", Printable(name));
  }
  return Fail(MakeError(ErrorKind::kConflict, "what shrank while it was read is not whole")
                  .WithHint("nothing changes in a container that is stopped or paused"));
}

Result<> CheckStillThere(const core::Layout& layout, const std::string& id) {
  if (core::Exists(layout.Container(id))) return {};
  return Fail(ErrorKind::kNotFound, "the container was removed meanwhile");
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace hoy::cli
