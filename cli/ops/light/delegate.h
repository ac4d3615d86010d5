#pragma once
// From the light program to the heavy one, hoy-image (README.md, "Three programs").

#include <span>
#include <string>

#include "core/base/result.h"

namespace hoy::cli {

// The path of hoy-image. kNotFound, with a hint: hoy is not completely installed.
Result<std::string> ImageProgram();

// execve(2) of hoy-image with the same arguments and environment. Returns only on failure.
Error ExecImageProgram(std::span<char* const> argv);

}  // namespace hoy::cli
