#pragma once
// Where hoy's own programs are.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

const std::string& OwnProgram();  // /proc/self/exe, resolved once
// The directory of hoy-monitor and hoy-image: HOY_LIBEXEC, else ../libexec/hoy beside bin/, as
// installed and as built.
std::string LibexecDirectory();

// One of the programs there. kNotFound with a hint when it is missing.
Result<std::string> LibexecProgram(std::string_view name);

}  // namespace hoy::core
