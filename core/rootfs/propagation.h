#pragma once
// Whether a bind can propagate mounts as it was asked to: mount_namespaces(7).

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::core {

// A bind that is to be shared needs a source on a shared mount, and one that is to be a slave a
// source on a shared or slave one: elsewhere the kernel would silently make less of it.
// kInvalidArgument, in docker's words. Other binds always pass, and nothing is read for them.
Result<> CheckPropagation(const Mount& mount);

}  // namespace hoy::core
