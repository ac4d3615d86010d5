#include "core/cgroup/leftover.h"

#include <set>

#include "core/cgroup/tree.h"
#include "core/sys/files.h"

namespace hoy::core {

CgroupLocation FindLeftoverCgroups(const CgroupHost& host, std::string_view id,
                                   std::string_view cgroup_parent) {
  CgroupLocation location;
  for (const CgroupHierarchy& hierarchy : host.hierarchies) {
    // Below our own cgroup, or the hierarchy's root: where a driver had to put it then.
    for (const std::string& base : std::set<std::string>{"", hierarchy.own}) {
      std::string path = base;
      if (!cgroup_parent.empty()) {
        auto resolved = ResolveCgroupParent(cgroup_parent, base);
        if (!resolved) continue;
        path = *std::move(resolved);
      }
      std::string directory = hierarchy.mountpoint + path + "/" + CgroupDirectoryName(id);
      if (!Exists(directory)) continue;
      location.directories.emplace_back(hierarchy.name, std::move(directory));
      break;
    }
  }
  if (!location.directories.empty()) location.version = host.version;
  return location;
}

}  // namespace hoy::core
