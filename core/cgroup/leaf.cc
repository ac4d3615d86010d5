#include "core/cgroup/leaf.h"

#include <fmt/core.h>

#include <algorithm>

namespace hoy::core {
namespace {

// Which hierarchy of v1 holds the leaf. A new cpuset takes no process before it was filled in, and
// a hybrid's v2 tree, which has no name, is slow to move in.
size_t LeafHierarchy(const CgroupLocation& container) {
  for (std::string_view wanted : {"freezer", "pids"}) {
    std::string directory = container.Directory(wanted);
    if (directory.empty()) continue;
    auto found = std::ranges::find(container.directories, directory,
                                   &std::pair<std::string, std::string>::second);
    return static_cast<size_t>(found - container.directories.begin());
  }
  auto found = std::ranges::find_if(container.directories, [](const auto& entry) {
    return !entry.first.empty() && entry.first.find("cpuset") == std::string::npos;
  });
  return static_cast<size_t>(found - container.directories.begin());
}

}  // namespace

CgroupLeaf LocateLeaf(const CgroupLocation& container, std::string_view name) {
  CgroupLeaf leaf;
  leaf.others = container;
  size_t which = container.version == CgroupVersion::kV1 ? LeafHierarchy(container) : 0;
  if (which >= container.directories.size()) return leaf;
  leaf.above = container.directories[which].second;
  leaf.directory = fmt::format("{}/exec-{}", leaf.above, name);
  leaf.others.directories.erase(leaf.others.directories.begin() + static_cast<ptrdiff_t>(which));
  return leaf;
}

}  // namespace hoy::core
