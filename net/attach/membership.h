#pragma once
// Networks of a container that exists already: `network connect` and `disconnect`. Of one that runs
// links, names and network.json change at once; its record says what it has at the next start.

#include <string_view>

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::net {

// kAlreadyExists: it is on that network. kConflict: its network is the host's, or another
// container's.
Result<> ConnectContainer(const core::Layout& layout, std::string_view id,
                          const core::NetworkAttachment& wanted);
// kNotFound: it is not on that network.
Result<> DisconnectContainer(const core::Layout& layout, std::string_view id,
                             std::string_view network);
// What it is called has changed: those who share a network with it learn of it.
Result<> RenameMember(const core::Layout& layout, std::string_view id);

}  // namespace hoy::net
