#pragma once
// Yes/no questions.

#include <string_view>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// Asks "QUESTION [y/N] " on stderr and reads a line from stdin; "y" and "yes" in any case mean
// true. Without a terminal on stdin nobody is asked: kInvalidArgument, with the hint to use -f.
Result<bool> AskYesNo(Context& context, std::string_view question);

}  // namespace hoy::cli
