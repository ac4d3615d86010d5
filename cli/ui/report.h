#pragma once
// Errors as text and as JSON. Pure; Context::Report prints them.

#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/result.h"

namespace hoy::cli {

// "hoy: start 'web': mount '/proc': Operation not permitted\n" and, with a hint, "hint: ...\n".
std::string ErrorText(const Error& error, bool color);

// One line: {"code":125,"errno":1,"hint":"...","kind":"permission",...}.
std::string ErrorJson(const Error& error, int exit_code);

// The inverse, for an error that another hoy process wrote. kCorrupt: it is something else.
Result<Error> ErrorFromJson(std::string_view line);

std::string WarningJson(std::string_view message);  // {"warning":"..."}

}  // namespace hoy::cli
