#pragma once
// A session's own cgroup: a leaf below the container's, so that all processes of the session can be
// found and killed, also those that became daemons. Limits and accounting are the container's,
// since the leaf has no controller of its own.
//
//   v2  <container>/exec-<name>. It has no children, so it takes processes where the container's
//   own
//       cgroup no longer does: a systemd inside that has turned controllers on.
//   v1  in one hierarchy only, since each costs a mkdir and one is enough to find them: the
//       freezer's, else that of pids, else another one. In all others the session is in the
//       container's.
//
// Made, killed and removed by hoy-monitor (core/monitor/exec_guard.h, kill_leaf.h).

#include <string>
#include <string_view>

#include "core/cgroup/cgroup.h"

namespace hoy::core {

struct CgroupLeaf {
  std::string above;      // the container's directory in that hierarchy
  std::string directory;  // empty, as the other: the container has no cgroup
  CgroupLocation others;  // v1: the rest of the container's hierarchies
};

// Pure. The guard makes it; where that cannot be done (cgroup.max.descendants), the session's
// process goes to the directory above.
CgroupLeaf LocateLeaf(const CgroupLocation& container, std::string_view name);

}  // namespace hoy::core
