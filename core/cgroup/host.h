#pragma once
// Which cgroup hierarchies this process sees, and where it is in each.
// Sources: cgroups(7), proc_pid_mountinfo(5), cgroup_namespaces(7).

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/cgroup/cgroup.h"

namespace hoy::core {

struct CgroupHierarchy {
  std::string name;  // as /proc/self/cgroup has it: "memory", "cpu,cpuacct", "name=systemd"; v2: ""
  std::string mountpoint;
  std::string own;  // this process's cgroup below the mountpoint: "" (the mount's root) or "/a/b"

  bool Has(std::string_view controller) const;
  bool operator==(const CgroupHierarchy&) const = default;
};

struct CgroupHost {
  // v1 as soon as one of its controllers is mounted (a hybrid), else v2 where that is mounted.
  CgroupVersion version = CgroupVersion::kNone;
  std::vector<CgroupHierarchy> hierarchies;  // of a hybrid: also the v2 tree

  const CgroupHierarchy* Find(std::string_view controller) const;
  const CgroupHierarchy* Unified() const;
};

// Pure. A controller that is mounted more than once counts at its first mount.
CgroupHost ParseCgroupHost(std::string_view mountinfo, std::string_view own_cgroups);

// The common case of v2 costs one statfs: `own` is then left empty. See FullCgroupHost.
CgroupHost DetectCgroupHost();
CgroupHost FullCgroupHost();
// The same, with the cgroups that another process is in.
CgroupHost CgroupHostOf(pid_t pid);

// The path ends in or goes through a unit of systemd's (a .slice, .scope or .service).
bool IsManagedBySystemd(std::string_view cgroup_path);

}  // namespace hoy::core
