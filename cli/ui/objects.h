#pragma once
// Verbs that take many objects (start stop kill rm wait rmi): each is printed as it was typed,
// errors go to stderr, the others go on, and the verb fails at the end if any failed.

#include <functional>
#include <span>
#include <string>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// Returns the exit code: 0, or the highest that an object's error stands for (exit_code.h). A
// kCancelled error ends it at once. `print_names` false: `act` prints for itself.
int ForEachObject(Context& context, std::span<const std::string> names,
                  const std::function<Result<>(const std::string& name)>& act,
                  bool print_names = true);

// The same for what waits (stop, restart): all at once, each in a process of its own that goes with
// this one, and printed in the order in which they were typed.
int ForEachObjectAtOnce(Context& context, std::span<const std::string> names,
                        const std::function<Result<>(const std::string& name)>& act);

}  // namespace hoy::cli
