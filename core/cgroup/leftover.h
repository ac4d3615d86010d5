#pragma once
// A container's cgroups without the note of where they are, for who looks for what crashes left.

#include <string_view>

#include "core/cgroup/cgroup.h"
#include "core/cgroup/host.h"

namespace hoy::core {

// Those that are there; none: version is kNone. `host` is FullCgroupHost's.
CgroupLocation FindLeftoverCgroups(const CgroupHost& host, std::string_view id,
                                   std::string_view cgroup_parent);

}  // namespace hoy::core
