#include "cli/ui/help.h"

#include <algorithm>

#include "cli/ui/globals.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

constexpr size_t kHelpColumn = 32;

// "  LEFT      right", the right part on its own line when the left one is too long.
void AppendEntry(std::string& text, std::string_view left, std::string_view right,
                 size_t column = kHelpColumn) {
  size_t start = text.size();
  text.append("  ").append(left);
  size_t used = text.size() - start;
  if (used + 2 > column) {
    text += '\n';
    used = 0;
  }
  text.append(column - used, ' ').append(right).append("\n");
}

void AppendOptions(std::string& text, const Command& command, std::string_view title) {
  bool has_own_h = command.FindShort('h') != nullptr;
  text.append("\n").append(title).append(":\n");
  for (const OptionSpec& option : command.options()) {
    if (!option.hidden) AppendEntry(text, OptionNames(option), OptionDetails(option));
  }
  AppendEntry(text, has_own_h ? "    --help" : "-h, --help", "show this help");
}

void AppendSection(std::string& text, std::string_view title, Section section) {
  std::string entries;
  for (const Registration* entry : AllCommands()) {
    const CommandInfo& info = entry->info();
    if (!info.hidden && info.section == section) AppendEntry(entries, info.name, info.summary, 14);
  }
  if (!entries.empty()) text.append("\n").append(title).append(":\n").append(entries);
}

}  // namespace

std::string OptionNames(const OptionSpec& option) {
  std::string names = option.short_name != 0 ? fmt::format("-{}", option.short_name) : "";
  if (!option.long_name.empty()) {
    names += option.short_name != 0 ? ", --" : "    --";
    names += option.long_name;
  }
  if (!option.value_name.empty()) names.append(" ").append(option.value_name);
  return names;
}

std::string OptionDetails(const OptionSpec& option) {
  std::string details(option.help);
  if (!option.choices.empty()) details += fmt::format(": {}", Join(option.choices, ", "));
  if (option.repeats) details += " (may be repeated)";
  return details;
}

std::string UsageLine(const Command& command) {
  std::string line = fmt::format("hoy {} [OPTIONS]", command.info().name);
  for (const PositionalSpec& positional : command.positionals()) {
    std::string name(positional.name);
    if (positional.repeats && name.find("...") == std::string::npos) name += "...";
    line += positional.required ? " " + name : fmt::format(" [{}]", name);
  }
  return line;
}

std::string HelpText(const Command& command) {
  const CommandInfo& info = command.info();
  std::string text = fmt::format("{}\n\nUsage: {}\n", info.summary, UsageLine(command));
  if (!info.aliases.empty()) text += fmt::format("Also:  {}\n", info.aliases);
  AppendOptions(text, command, "Options");
  text += fmt::format("\nMore in the manual: man {}\n", PageName(info));
  return text;
}

std::string OverviewText() {
  Globals globals;
  std::string text = fmt::format("{}\n\nUsage: hoy [GLOBAL OPTIONS] VERB [OPTIONS] [ARG...]\n",
                                 globals.info().summary);
  AppendSection(text, "Containers", Section::kContainers);
  AppendSection(text, "Images", Section::kImages);
  AppendSection(text, "Networks", Section::kNetworks);
  AppendSection(text, "Volumes", Section::kVolumes);
  AppendSection(text, "System", Section::kSystem);
  AppendOptions(text, globals, "Global options");
  text += "\nMore about a verb: hoy VERB --help, man hoy-VERB\n";
  return text;
}

std::string GroupText(std::string_view group) {
  std::string text = fmt::format("Usage: hoy {} VERB [OPTIONS] [ARG...]\n\nVerbs:\n", group);
  for (const Registration* entry : AllCommands()) {
    if (entry->info().hidden) continue;
    for (const auto& [own_group, verb] : GroupedSpellings(entry->info())) {
      if (own_group == group) AppendEntry(text, verb, entry->info().summary, 14);
    }
  }
  return text;
}

}  // namespace hoy::cli
