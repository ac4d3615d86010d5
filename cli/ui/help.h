#pragma once
// Help texts from the command model. Pure.

#include <string>
#include <string_view>

#include "cli/ui/command.h"

namespace hoy::cli {

std::string HelpText(const Command& command);         // `hoy VERB --help`
std::string OverviewText();                           // `hoy`, `hoy --help`
std::string GroupText(std::string_view group);        // `hoy container`
std::string UsageLine(const Command& command);        // "hoy stop [OPTIONS] CONTAINER..."
std::string OptionNames(const OptionSpec& option);    // "-t, --timeout SECONDS"
std::string OptionDetails(const OptionSpec& option);  // help, choices and "may be repeated"

}  // namespace hoy::cli
