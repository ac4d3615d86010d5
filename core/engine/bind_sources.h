#pragma once
// What the binds of a container need on the host besides their sources.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/state/container_record.h"

namespace hoy::core {

// Makes the sources that are missing where the mount says so (-v), as directories.
Result<> MakeMissingSources(const ContainerConfig& config);

// Where what is written to the mount at `index` goes: {upper,work}/ below it.
std::string OverlayDirectory(const Layout& layout, std::string_view id, size_t index);
// Empty ones for a start. The caller holds the container's lock. kInvalidArgument: a source that is
// no directory.
Result<> MakeOverlays(const Layout& layout, const ContainerRecord& record);
// After a run.
Result<> RemoveOverlays(const Layout& layout, std::string_view id, const ContainerConfig& config);

}  // namespace hoy::core
