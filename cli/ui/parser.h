#pragma once
// Arguments -> a Command's fields, after cli.md "Grammar": -it, -p8080:80, -p=8080:80, --flag=v,
// --flag v, --flag=false, `--`; an option that wants a value takes the next argument whatever it
// looks like. Each way to go wrong is kInvalidArgument with a hint.

#include <span>

#include "cli/ui/command.h"

namespace hoy::cli {

enum class ParseOutcome { kRun, kHelp };

// `arguments` are those after the verb. kHelp: --help (or -h, unless the verb has its own) came
// first; the fields are then not to be used.
Result<ParseOutcome> Parse(Command& command, std::span<char* const> arguments);

// Stores one value as the option's kind asks. `typed` is the option as the user spelled it.
Result<> SetOption(const OptionSpec& option, std::string_view typed, std::string_view value);

// Go's strconv.ParseBool, which is what docker's `--flag=X` takes.
std::optional<bool> ParseBool(std::string_view text);

// The nearest of `candidates` that is near enough to be a typing mistake, or empty.
std::string_view NearestName(std::string_view typed, std::span<const std::string_view> candidates);

}  // namespace hoy::cli
