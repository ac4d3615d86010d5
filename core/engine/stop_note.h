#pragma once
// Intentions that others have to see for as long as the process that has them lives: a lock on a
// file. Many may hold it, asking takes none, and nothing of it outlives its holders (fcntl(2), open
// file description locks).

#include "core/base/fd.h"
#include "core/state/layout.h"

namespace hoy::core {

// RUN/containers/<id>/stopping: a stop waits for its end. Held until the descriptor is closed. Best
// effort: an empty one when it cannot be made.
Fd NoteStopping(const Layout& layout, std::string_view id);
bool IsStopping(const Layout& layout, std::string_view id);

// DATA/containers/<id>/kept: it will be started again, whatever ends now. An auto-remove container
// is not removed, and who follows its log waits.
Fd NoteKept(const Layout& layout, std::string_view id);
bool IsKept(const Layout& layout, std::string_view id);

}  // namespace hoy::core
