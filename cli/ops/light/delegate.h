#pragma once
// From the light program to the heavy one, hoy-image (README.md, "Three programs").

#include <span>

#include "core/base/error.h"

namespace hoy::cli {

// execve(2) of hoy-image with the same arguments and environment. Returns only on failure.
Error ExecImageProgram(std::span<char* const> argv);

}  // namespace hoy::cli
