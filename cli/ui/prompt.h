#pragma once
// Yes/no questions.

#include <string>
#include <string_view>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// Asks "QUESTION [y/N] " on stderr and reads a line from stdin; "y" and "yes" in any case mean
// true. Without a terminal on stdin nobody is asked: kInvalidArgument, with the hint to use -f.
Result<bool> AskYesNo(Context& context, std::string_view question);

// Prints `question` on stderr and reads a line from the terminal on stdin, which the caller has
// made sure of. kCancelled: Ctrl-C, or the end of the file.
Result<std::string> AskLine(Context& context, std::string_view question);
// The same without an echo. The terminal is as it was on every return.
Result<std::string> AskSecret(Context& context, std::string_view question);

}  // namespace hoy::cli
