#pragma once
// Man pages: prose from man/*.in, with what the command model knows filled in. man(7),
// groff_man(7).

#include <string>
#include <string_view>

#include "cli/ui/command.h"
#include "core/base/result.h"

namespace hoy::cli {

// Replaces @TITLE@ (.TH and NAME), @SYNOPSIS@, @OPTIONS@, @ALSO@ (the other spellings),
// @EXIT_STATUS@ and, in hoy.1, @VERBS@. kInvalidArgument: an unknown placeholder, or @TITLE@,
// @SYNOPSIS@ or @OPTIONS@ is missing.
Result<std::string> ManualPage(const Command& command, std::string_view prose);

// Text as troff shows it unchanged: backslashes, hyphens and leading dots are escaped.
std::string TroffEscape(std::string_view text);

}  // namespace hoy::cli
