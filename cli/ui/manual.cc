#include "cli/ui/manual.h"

#include <algorithm>

#include "cli/ui/help.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

std::string TitleSection(const Command& command) {
  std::string summary(command.info().summary);
  summary[0] = static_cast<char>(tolower(static_cast<unsigned char>(summary[0])));
  std::string upper = PageName(command.info());
  for (char& c : upper) c = static_cast<char>(toupper(static_cast<unsigned char>(c)));
  return fmt::format(".TH {} 1 \"\" \"hoy {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                     TroffEscape(upper), HOY_VERSION, TroffEscape(PageName(command.info())),
                     TroffEscape(summary));
}

// "CONTAINER" in italics, brackets and dots upright.
std::string SynopsisSection(const Command& command) {
  std::string_view verb = command.info().name;
  std::string text = ".SH SYNOPSIS\n";
  text += verb.empty() ? ".B hoy\n[\\fIGLOBAL OPTIONS\\fR] \\fIVERB\\fR [\\fIOPTIONS\\fR] "
                         "[\\fIARG\\fR...]\n"
                       : fmt::format(".B hoy {}\n[\\fIOPTIONS\\fR]", TroffEscape(verb));
  if (verb.empty()) return text;
  for (const PositionalSpec& positional : command.positionals()) {
    std::string name;
    for (std::string_view word : Split(positional.name, ' ')) {  // "COMMAND [ARG...]"
      if (!name.empty()) name += ' ';
      name += word.starts_with('[') ? "[\\fIARG\\fR...]" : fmt::format("\\fI{}\\fR", word);
    }
    if (positional.repeats && !name.ends_with(']')) name += "...";
    text += positional.required ? " " + name : fmt::format(" [{}]", name);
  }
  return text + "\n";
}

void AppendOption(std::string& text, std::string_view names, std::string_view details) {
  text.append(".TP\n").append(names).append("\n");
  std::string sentence(details);
  sentence[0] = static_cast<char>(toupper(static_cast<unsigned char>(sentence[0])));
  text.append(TroffEscape(sentence)).append(".\n");
}

std::string OptionsSection(const Command& command) {
  std::string text = command.info().name.empty() ? ".SH GLOBAL OPTIONS\n" : ".SH OPTIONS\n";
  for (const OptionSpec& option : command.options()) {
    if (option.hidden) continue;
    std::string names;
    if (option.short_name != 0) names += fmt::format("\\fB\\-{}\\fR", option.short_name);
    if (!option.long_name.empty()) {
      if (!names.empty()) names += ", ";
      names += fmt::format("\\fB\\-\\-{}\\fR", TroffEscape(option.long_name));
    }
    if (!option.value_name.empty()) {
      names += fmt::format(" \\fI{}\\fR", TroffEscape(option.value_name));
    }
    AppendOption(text, names, OptionDetails(option));
  }
  AppendOption(
      text,
      command.FindShort('h') != nullptr ? "\\fB\\-\\-help\\fR" : "\\fB\\-h\\fR, \\fB\\-\\-help\\fR",
      "show a short help and exit");
  return text;
}

std::string AlsoSection(const Command& command) {
  std::string text;
  for (std::string_view alias : Split(command.info().aliases, ',')) {
    text += fmt::format("{}\\fBhoy {}\\fR", text.empty() ? "" : ", ", TroffEscape(Trim(alias)));
  }
  return text.empty() ? "" : fmt::format(".PP\nThe same verb can be spelled {}.\n", text);
}

// cli.md "Exit codes"; the same for all verbs of a kind.
std::string ExitStatusSection(const Command& command) {
  std::string text = ".SH EXIT STATUS\n";
  auto add = [&](std::string_view code, std::string_view meaning) {
    text += fmt::format(".TP\n{}\n{}\n", code, meaning);
  };
  bool is_globals = command.info().name.empty();
  bool runs_command =
      is_globals || std::ranges::any_of(command.positionals(), [](const auto& each) {
        return each.name.starts_with("COMMAND");
      });
  if (runs_command && !is_globals) {
    text += "The command\\(aqs own, except:\n";
  } else {
    add(".B 0", "Success.");
    add(".B 1", is_globals ? "An object that was named does not exist, for verbs other than run, "
                             "create and exec."
                           : "An object that was named does not exist.");
  }
  if (runs_command) {
    add(".B 124", "The time given with \\fB\\-\\-timeout\\fR ran out.");
  }
  add(".B 125", "hoy itself failed, or the command line is wrong.");
  if (runs_command) {
    add(".B 126", "The command was found and cannot be run.");
    add(".B 127", "The command was not found.");
    add("128+\\fIn\\fR", "The command was ended by signal \\fIn\\fR.");
  } else {
    add(".B 130", "hoy was interrupted.");
  }
  return text;
}

std::string VerbsSection() {
  std::string text;
  for (const Registration* entry : AllCommands()) {
    const CommandInfo& info = entry->info();
    if (info.hidden) continue;
    text += fmt::format(".TP\n\\fB{}\\fR(1)\n{}.\n", TroffEscape(PageName(info)),
                        TroffEscape(info.summary));
  }
  return text;
}

}  // namespace

std::string TroffEscape(std::string_view text) {
  std::string escaped;
  bool line_start = true;
  for (char c : text) {
    if (line_start && (c == '.' || c == '\'')) escaped += "\\&";
    line_start = c == '\n';
    switch (c) {
      case '\\': escaped += "\\e"; break;
      case '-': escaped += "\\-"; break;
      case '^': escaped += "\\(ha"; break;
      case '~': escaped += "\\(ti"; break;
      case '`': escaped += "\\(ga"; break;
      case '\'': escaped += "\\(aq"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

Result<std::string> ManualPage(const Command& command, std::string_view prose) {
  for (std::string_view wanted : {"@TITLE@", "@SYNOPSIS@", "@OPTIONS@"}) {
    if (prose.find(wanted) == std::string_view::npos) {
      return Fail(ErrorKind::kInvalidArgument, "the prose of '{}' has no {}",
                  PageName(command.info()), wanted);
    }
  }
  std::string page;
  while (!prose.empty()) {
    size_t end = prose.find('\n');
    std::string_view line = prose.substr(0, end);
    prose.remove_prefix(end == std::string_view::npos ? prose.size() : end + 1);
    if (!line.starts_with('@')) {
      page.append(line).append("\n");
    } else if (line == "@TITLE@") {
      page += TitleSection(command);
    } else if (line == "@SYNOPSIS@") {
      page += SynopsisSection(command);
    } else if (line == "@OPTIONS@") {
      page += OptionsSection(command);
    } else if (line == "@ALSO@") {
      page += AlsoSection(command);
    } else if (line == "@EXIT_STATUS@") {
      page += ExitStatusSection(command);
    } else if (line == "@VERBS@") {
      page += VerbsSection();
    } else {
      return Fail(ErrorKind::kInvalidArgument, "unknown placeholder '{}' in the prose of '{}'",
                  line, PageName(command.info()));
    }
  }
  return page;
}

}  // namespace hoy::cli
