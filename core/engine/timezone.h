#pragma once
// --tz: which file /etc/localtime is to be, localtime(5).

#include <optional>
#include <string_view>

#include "core/base/result.h"
#include "core/engine/start_plan.h"
#include "core/rootfs/layered_root.h"

namespace hoy::core {

// "local", or what may name a file below /usr/share/zoneinfo and leads nowhere else.
bool IsTimezoneName(std::string_view name);

// The zone of the root, if it has that one; else the host's. nullopt: none was asked for, or the
// user has mounted something there. kNotFound: neither has it.
Result<std::optional<ResolvedTimezone>> ResolveTimezone(LayeredRoot& root,
                                                        const ContainerConfig& config);

// The same judgement for a container that is only being made.
Result<> CheckTimezone(const Layout& layout, const ContainerConfig& config);

}  // namespace hoy::core
