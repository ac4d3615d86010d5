#pragma once
// The server of a network file system, whose address the kernel wants as a number.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::cli {

// `options` with "addr=" at their end: of the name that stands there, or else in `device`,
// "SERVER:/PATH" or "//SERVER/SHARE". kInvalidArgument: nowhere; kNotFound: nobody knows it.
Result<std::string> ResolveServer(std::string_view device, std::string_view options);

}  // namespace hoy::cli
