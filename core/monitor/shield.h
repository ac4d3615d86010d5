#pragma once
// What keeps a process that outlives hoy from being ended along with it.

namespace hoy::core {

// A session of its own, in "/", deaf to what a terminal or a shell sends. False: errno.
bool Detach();

// For what such a process executes: it hears all signals again.
void HearSignals();

// Without CAP_SYS_RESOURCE the score stays as it was.
void ShieldFromOomKiller();
// For what a shielded process starts, which uses memory as others ask for it: 0 again. A score that
// is not a shield's stays as it is.
void DropOomShield();

}  // namespace hoy::core
