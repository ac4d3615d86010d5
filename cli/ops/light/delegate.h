#pragma once
// From the light program to the heavy one, hoy-image (README.md, "Three programs").

#include <span>
#include <string>

#include "core/base/result.h"

namespace hoy::cli {

// A program of libexec/hoy by name: below $HOY_LIBEXEC, else beside the running executable as it
// was installed or built (bin/hoy -> libexec/hoy/NAME). kNotFound with a hint when it is missing.
Result<std::string> LibexecProgram(std::string_view name);

// execve(2) of hoy-image with the same arguments and environment. Returns only on failure.
Error ExecImageProgram(std::span<char* const> argv);

}  // namespace hoy::cli
