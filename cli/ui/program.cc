#include "cli/ui/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <exception>

#include "cli/ui/exit_code.h"
#include "cli/ui/globals.h"
#include "cli/ui/help.h"
#include "cli/ui/parser.h"
#include "cli/ui/report.h"
#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

Error UnknownVerb(std::string_view verb) {
  std::vector<std::string_view> names;
  for (const Registration* entry : AllCommands()) {
    if (entry->info().hidden) continue;
    names.push_back(entry->info().name);
    for (std::string_view alias : Split(entry->info().aliases, ',')) names.push_back(Trim(alias));
  }
  std::string_view nearest = NearestName(verb, names);
  Error error =
      MakeError(ErrorKind::kInvalidArgument, fmt::format("'{}' is not a hoy command", verb));
  error.subject = verb;
  return std::move(error).WithHint(
      nearest.empty() ? "see 'hoy --help'"
                      : fmt::format("did you mean '{}'? see 'hoy --help'", nearest));
}

std::vector<std::string> GivenGlobals(const Globals& globals) {
  std::vector<std::string> given;
  if (globals.root) given.push_back("--root=" + *globals.root);
  if (globals.run_root) given.push_back("--run-root=" + *globals.run_root);
  if (globals.color == ColorPolicy::kAlways) given.emplace_back("--color=always");
  if (globals.color == ColorPolicy::kNever) given.emplace_back("--color=never");
  if (globals.error_format == ErrorFormat::kJson) given.emplace_back("--error-format=json");
  return given;
}

// What the words after the global flags ask for, once help and groups are out of the way.
Result<int> RunWords(Context& context, std::span<char* const> words, const ProgramHooks& hooks) {
  bool asks_help = words[0] == std::string_view("help");
  if (asks_help) words = words.subspan(1);
  if (words.empty()) {
    context.out.Write(OverviewText());
    return 0;
  }
  size_t words_used = 0;
  const Registration* entry = FindCommand(words, &words_used);
  if (entry == nullptr) {
    std::string_view group = words[0];
    if (!IsGroup(group)) return Fail(UnknownVerb(group));
    std::string_view verb = words.size() > 1 ? words[1] : "--help";
    if (verb != "--help" && verb != "-h")
      return Fail(UnknownVerb(fmt::format("{} {}", group, verb)));
    context.out.Write(GroupText(group));
    return 0;
  }
  const CommandInfo& info = entry->info();
  context.runs_command = info.runs_command;
  context.spelling = words[0];
  if (words_used == 2) context.spelling.append(" ").append(words[1]);

  if (info.program == Program::kHeavy && hooks.exec_heavy != nullptr && !asks_help) {
    return Fail(hooks.exec_heavy(context.argv));
  }
  std::unique_ptr<Command> command = entry->Make();
  if (!asks_help) {
    TRY(ParseOutcome outcome, Parse(*command, words.subspan(words_used)));
    asks_help = outcome == ParseOutcome::kHelp;
  }
  if (asks_help) {
    context.out.Write(HelpText(*command));
    return 0;
  }
  return command->Run(context);
}

Result<int> RunGlobals(Context& context, const ProgramHooks& hooks) {
  Globals globals;
  TRY(ParseOutcome outcome, Parse(globals, context.argv.subspan(1)));
  context.color = globals.color;
  context.error_format = globals.error_format;
  context.error_fd = static_cast<int>(globals.error_fd);
  context.globals = GivenGlobals(globals);
  if (outcome == ParseOutcome::kHelp) {
    context.out.Write(OverviewText());
    return 0;
  }
  if (globals.version) {
    context.out.Print("hoy {}\n", HOY_VERSION);
    return 0;
  }
  // A variable that was not set must not lead to the machine's own containers.
  if (globals.root == "" || globals.run_root == "") {
    return Fail(ErrorKind::kInvalidArgument, "{}: it is empty",
                globals.root == "" ? "--root" : "--run-root");
  }
  TRY(context.layout, core::ChooseLayout(globals.root.value_or(""), globals.run_root.value_or("")));
  if (globals.words.empty()) {
    context.out.Write(OverviewText());
    return 0;
  }
  // The verb and all after it are the last arguments as they were typed.
  return RunWords(context, context.argv.last(globals.words.size()), hooks);
}

}  // namespace

// Cron and some CI agents close them. A number that is free would become something else's, which
// would then be read or written as if it were a standard stream.
void FillStandardStreams() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", O_RDWR);  // gets the lowest free number
  }
}

int RunProgram(int argc, char** argv, const ProgramHooks& hooks) {
  FillStandardStreams();
  Output out(STDOUT_FILENO, Output::Buffering::kFull);
  Output err(STDERR_FILENO, Output::Buffering::kNone);
  Context context{.out = out,
                  .err = err,
                  .terminal = Terminal::Detect(),
                  .program = hooks.program,
                  .argv = std::span<char* const>(argv, static_cast<size_t>(argc))};
  Result<int> result = 0;
  try {
    result = RunGlobals(context, hooks);
  } catch (const std::exception& exception) {
    // Only a defect or exhausted memory comes this far; say so instead of std::terminate's abort.
    result = Fail(ErrorKind::kSystem, "internal error: {}", exception.what());
  }
  if (auto flushed = out.Flush(); !flushed && result) result = Fail(std::move(flushed).error());
  if (result) return *result;
  int exit_code = ExitCodeOf(result.error(), context.runs_command);
  if (context.error_fd >= 0) {
    (void)core::WriteAll(context.error_fd, ErrorJson(result.error(), exit_code), "the error");
  } else {
    context.Report(result.error());
  }
  return exit_code;
}

}  // namespace hoy::cli
