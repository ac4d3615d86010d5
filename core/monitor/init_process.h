#pragma once
// The process that hoy-monitor clones, up to its execve.

#include "core/init/interpreter.h"

namespace hoy::core {

// Carries out what goes ahead, waits for the word that says where the rest is, and carries that
// out, too.
[[noreturn]] void RunInit(const PlanView& ahead, ChildContext& child);

}  // namespace hoy::core
