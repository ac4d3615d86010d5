#pragma once
// What a start has to look up in the container's root before anything is mounted.

#include "core/base/result.h"
#include "core/engine/start_plan.h"
#include "core/rootfs/layered_root.h"
#include "core/seccomp/seccomp.h"

namespace hoy::core {

// The root as the container will see it: upper, layers, binds.
Result<LayeredRoot> OpenContainerRoot(const Layout& layout, std::string_view id,
                                      const ContainerConfig& config);
// The same for a container that does not exist yet: no upper directory.
Result<LayeredRoot> OpenImageRoot(const Layout& layout, const ContainerConfig& config);
// And without any mount.
Result<LayeredRoot> OpenImageLayers(const Layout& layout, const ContainerConfig& config);

// User and executable. Errors are of kind kStart, explained.
Result<ResolvedProcess> ResolveProcess(LayeredRoot& root, const ProcessConfig& process);

// The filter for the choice made at creation; empty: unconfined.
Result<SeccompProgram> ResolveSeccomp(const SeccompChoice& choice, const CapabilitySets& sets);

}  // namespace hoy::core
