#pragma once
// The command model: every verb described once, as data. The parser, the help, the man pages and
// the shells' completion all read it. A verb is one file, cli/cmd/<verb>.cc:
//
//   class StopCommand final : public Command {
//    public:
//     static constexpr CommandInfo kInfo = {.name = "stop",
//                                           .aliases = "container stop",
//                                           .summary = "Stop running containers",
//                                           .section = Section::kContainers};
//     StopCommand() : Command(kInfo) {
//       Arguments("CONTAINER", &containers_, Completes::kRunningContainer);
//       Option("-t,--timeout,--time", &timeout_, "SECONDS", "wait before killing it");
//     }
//     Result<int> Run(Context& context) override;   // the exit code, or what went wrong
//
//    private:
//     std::vector<std::string> containers_;
//     std::optional<int64_t> timeout_;
//   };
//   HOY_REGISTER_COMMAND(StopCommand);
//
// Only the verb that was asked for is ever constructed; the registry knows the others by kInfo.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// What the shells offer for an argument or an option's value.
enum class Completes {
  kNothing,
  kContainer,         // names, and ids once something was typed
  kRunningContainer,  // those that have a run directory
  kStoppedContainer,
  kImage,
  kContainerOrImage,
  kObject,         // those, networks and volumes
  kContainerPath,  // CONTAINER:, or a file of the host
  kNetwork,
  kNetworkMode,    // those, and container:NAME
  kNamespaceMode,  // private, host, container:NAME
  kIpcMode,
  kFile,
  kDirectory,
  kSignal,
  kVerb,
  kShell,
  kPlatform,
  kCapability,
  kRestartPolicy,
  kLogOption,
  kVolume,
  kVolumeOrFile,
};

// For the overview in `hoy --help`.
enum class Section { kContainers, kImages, kNetworks, kVolumes, kSystem };

struct CommandInfo {
  std::string_view name;     // "ps"; "image prune" where only the group makes it one verb
  std::string_view aliases;  // other spellings, one or two words: "container ls, container list"
  std::string_view summary;  // one line: a capital first, no full stop
  Section section = Section::kSystem;
  Program program = Program::kLight;  // kHeavy: its work needs hoy-image
  // run, create, exec: options end at the first positional, and a missing object is exit code 125.
  bool runs_command = false;
  bool hidden = false;  // not in help, man pages and completion
};

enum class ValueKind {
  kFlag,  // --name, --name=true, --name=false
  kString,
  kInteger,
  kByteSize,  // "64m": bytes, powers of 1024
  kDuration,  // "1.5h" or seconds, none below 0: nanoseconds
};

using OptionSetter = std::function<Result<>(std::string_view value)>;
using OptionTarget =
    std::variant<bool*, std::optional<bool>*, std::string*, std::optional<std::string>*,
                 std::vector<std::string>*, int64_t*, std::optional<int64_t>*, OptionSetter>;

struct OptionSpec {
  char short_name = 0;                 // 'd', or 0
  std::string_view long_name;          // "detach", or empty
  std::vector<std::string_view> also;  // further long names that are accepted but not shown
  ValueKind kind = ValueKind::kString;
  std::string_view value_name;            // "SECONDS"; empty for flags
  std::string_view help;                  // lower case, no full stop
  std::vector<std::string_view> choices;  // when not empty: the only values allowed
  Completes completes = Completes::kNothing;
  bool repeats = false;  // may be given many times and all count
  bool hidden = false;
  OptionTarget target;

  // Refinements, chained to the call that adds the option.
  OptionSpec& Completing(Completes what) {
    completes = what;
    return *this;
  }
  OptionSpec& Hidden() {
    hidden = true;
    return *this;
  }
  OptionSpec& Repeats() {  // for options with a setter; lists do so anyway
    repeats = true;
    return *this;
  }
};

struct PositionalSpec {
  std::string_view name;  // "CONTAINER"; for a command line "COMMAND [ARG...]"
  bool required = true;
  bool repeats = false;
  Completes completes = Completes::kNothing;
  std::variant<std::string*, std::optional<std::string>*, std::vector<std::string>*> target;
};

class Command {
 public:
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  virtual Result<int> Run(Context& context) = 0;

  const CommandInfo& info() const { return info_; }
  std::span<const OptionSpec> options() const { return options_; }
  std::span<const PositionalSpec> positionals() const { return positionals_; }
  const OptionSpec* FindShort(char name) const;
  const OptionSpec* FindLong(std::string_view name) const;

 protected:
  explicit Command(const CommandInfo& info);  // `info` is static

  // `names` is "-d,--detach", "--name" or "-f"; long names after the first are accepted quietly
  // ("-t,--timeout,--time"). All text is static. Scalars: the last one given wins; vectors collect.
  // std::optional tells "not given" from any value.
  OptionSpec& Flag(std::string_view names, bool* target, std::string_view help);
  OptionSpec& Flag(std::string_view names, std::optional<bool>* target, std::string_view help);
  OptionSpec& Option(std::string_view names, std::string* target, std::string_view value_name,
                     std::string_view help);
  OptionSpec& Option(std::string_view names, std::optional<std::string>* target,
                     std::string_view value_name, std::string_view help);
  OptionSpec& Option(std::string_view names, std::vector<std::string>* target,
                     std::string_view value_name, std::string_view help);
  OptionSpec& Option(std::string_view names, int64_t* target, std::string_view value_name,
                     std::string_view help);
  OptionSpec& Option(std::string_view names, std::optional<int64_t>* target,
                     std::string_view value_name, std::string_view help);
  // Anything else: `setter` is called in the order the options were typed.
  OptionSpec& Option(std::string_view names, OptionSetter setter, std::string_view value_name,
                     std::string_view help);
  OptionSpec& ByteSize(std::string_view names, std::optional<int64_t>* bytes,
                       std::string_view value_name, std::string_view help);
  OptionSpec& Duration(std::string_view names, std::optional<int64_t>* nanoseconds,
                       std::string_view value_name, std::string_view help);
  OptionSpec& Choice(std::string_view names, std::string* target,
                     std::initializer_list<std::string_view> choices, std::string_view value_name,
                     std::string_view help);
  template <typename Enum>
  OptionSpec& Choice(std::string_view names, Enum* target,
                     std::initializer_list<std::pair<std::string_view, Enum>> choices,
                     std::string_view value_name, std::string_view help);

  void Argument(std::string_view name, std::string* target,
                Completes completes = Completes::kNothing);
  void OptionalArgument(std::string_view name, std::optional<std::string>* target,
                        Completes completes = Completes::kNothing);
  void Arguments(std::string_view name, std::vector<std::string>* target,
                 Completes completes = Completes::kNothing);  // at least one
  void OptionalArguments(std::string_view name, std::vector<std::string>* target,
                         Completes completes = Completes::kNothing);
  // All that follows, as it is: "[COMMAND [ARG...]]". Wants runs_command.
  void CommandLine(std::vector<std::string>* target);
  void OptionalCommandLine(std::vector<std::string>* target);

  // A mistake in what was typed that the model cannot see: exit code 125, with the usual hint.
  Error UsageError(std::string message) const;

 private:
  OptionSpec& Add(std::string_view names, ValueKind kind, OptionTarget target,
                  std::string_view value_name, std::string_view help);

  const CommandInfo& info_;
  std::vector<OptionSpec> options_;
  std::vector<PositionalSpec> positionals_;
};

template <typename Enum>
OptionSpec& Command::Choice(std::string_view names, Enum* target,
                            std::initializer_list<std::pair<std::string_view, Enum>> choices,
                            std::string_view value_name, std::string_view help) {
  std::vector<std::pair<std::string_view, Enum>> table(choices);
  OptionSpec& option = Add(names, ValueKind::kString,
                           OptionSetter([target, table](std::string_view value) -> Result<> {
                             for (const auto& [name, meaning] : table) {
                               if (name == value) *target = meaning;
                             }
                             return {};  // the parser has checked the value against `choices`
                           }),
                           value_name, help);
  for (const auto& [name, meaning] : choices) option.choices.push_back(name);
  return option;
}

// The registry: filled before main() by static objects, so verbs are linked as an object library.
class Registration {
 public:
  using Factory = std::unique_ptr<Command> (*)();
  Registration(const CommandInfo* info, Factory make);

  const CommandInfo& info() const { return *info_; }
  std::unique_ptr<Command> Make() const { return make_(); }
  const Registration* next() const { return next_; }

 private:
  const CommandInfo* info_;
  Factory make_;
  const Registration* next_;
};

std::vector<const Registration*> AllCommands();  // sorted by name

// The command spelled by the first one or two words, which may be "container ls". nullptr: none.
// `words_used` is set on success.
const Registration* FindCommand(std::span<char* const> words, size_t* words_used);
const Registration* FindCommand(std::string_view spelling);  // "ps", "container ls"
bool IsGroup(std::string_view word);  // "container", "image", ...: some spelling starts with it

// "hoy-ps", "hoy-image-prune": what the manual calls it.
std::string PageName(const CommandInfo& info);

// The two-word spellings of a verb, as {"image", "prune"}.
std::vector<std::pair<std::string_view, std::string_view>> GroupedSpellings(
    const CommandInfo& info);

#define HOY_REGISTER_COMMAND(Class)                       \
  static const ::hoy::cli::Registration register_##Class( \
      &Class::kInfo,                                      \
      []() -> std::unique_ptr<::hoy::cli::Command> { return std::make_unique<Class>(); })

}  // namespace hoy::cli
