#pragma once
// Changing what a container may use, and its restart policy, while it runs or not.

#include <optional>

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "core/state/resource_limits.h"

namespace hoy::core {

// What is to change; what is absent stays as it is.
struct ContainerUpdate {
  ResourceLimits limits;  // merged with the container's own: MergeLimits
  // The one on record when a container ends is the one that counts. A restart that is pending goes
  // on.
  std::optional<RestartPolicy> restart;
};

// All of it or nothing: when it runs, its cgroup is changed, and then the record, from which the
// next start takes the same limits. Takes the lock. kInvalidArgument, kUnsupported, kConflict: as
// Cgroup::Update, its state forbids it, and the values that make no sense together with those there
// are.
Result<> UpdateContainer(const Layout& layout, std::string_view id, const ContainerUpdate& update);

}  // namespace hoy::core
