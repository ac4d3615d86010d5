#pragma once
// RUN/data: a symlink to the DATA that RUN was made for. With another DATA on the same RUN, what
// has no record here may well have one there.

#include <optional>
#include <string>

#include "core/state/layout.h"

namespace hoy::core {

// By who makes RUN, or finds that all in it is its own. One that is there stays.
Result<> NoteRunOwner(const Layout& layout);
// The other DATA that RUN was made for, as long as it is there. nullopt: it is this one's.
std::optional<std::string> OtherRunOwner(const Layout& layout);

}  // namespace hoy::core
