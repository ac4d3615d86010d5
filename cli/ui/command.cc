#include "cli/ui/command.h"

#include "core/base/text.h"

namespace hoy::cli {

Command::Command(const CommandInfo& info) : info_(info) {}

OptionSpec& Command::Add(std::string_view names, ValueKind kind, OptionTarget target,
                         std::string_view value_name, std::string_view help) {
  OptionSpec option{.kind = kind, .value_name = value_name, .help = help};
  for (std::string_view name : Split(names, ',')) {
    if (!name.starts_with("--")) {
      option.short_name = name[1];
    } else if (option.long_name.empty()) {
      option.long_name = name.substr(2);
    } else {
      option.also.push_back(name.substr(2));
    }
  }
  option.repeats = std::holds_alternative<std::vector<std::string>*>(target);
  option.target = std::move(target);
  return options_.emplace_back(std::move(option));
}

OptionSpec& Command::Flag(std::string_view names, bool* target, std::string_view help) {
  return Add(names, ValueKind::kFlag, target, {}, help);
}
OptionSpec& Command::Flag(std::string_view names, std::optional<bool>* target,
                          std::string_view help) {
  return Add(names, ValueKind::kFlag, target, {}, help);
}
OptionSpec& Command::Option(std::string_view names, std::string* target,
                            std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kString, target, value_name, help);
}
OptionSpec& Command::Option(std::string_view names, std::optional<std::string>* target,
                            std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kString, target, value_name, help);
}
OptionSpec& Command::Option(std::string_view names, std::vector<std::string>* target,
                            std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kString, target, value_name, help);
}
OptionSpec& Command::Option(std::string_view names, int64_t* target, std::string_view value_name,
                            std::string_view help) {
  return Add(names, ValueKind::kInteger, target, value_name, help);
}
OptionSpec& Command::Option(std::string_view names, std::optional<int64_t>* target,
                            std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kInteger, target, value_name, help);
}
OptionSpec& Command::Option(std::string_view names, OptionSetter setter,
                            std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kString, std::move(setter), value_name, help);
}
OptionSpec& Command::ByteSize(std::string_view names, std::optional<int64_t>* bytes,
                              std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kByteSize, bytes, value_name, help);
}
OptionSpec& Command::Duration(std::string_view names, std::optional<int64_t>* nanoseconds,
                              std::string_view value_name, std::string_view help) {
  return Add(names, ValueKind::kDuration, nanoseconds, value_name, help);
}
OptionSpec& Command::Choice(std::string_view names, std::string* target,
                            std::initializer_list<std::string_view> choices,
                            std::string_view value_name, std::string_view help) {
  OptionSpec& option = Add(names, ValueKind::kString, target, value_name, help);
  option.choices = choices;
  return option;
}

void Command::Argument(std::string_view name, std::string* target, Completes completes) {
  positionals_.push_back({.name = name, .completes = completes, .target = target});
}
void Command::OptionalArgument(std::string_view name, std::optional<std::string>* target,
                               Completes completes) {
  positionals_.push_back(
      {.name = name, .required = false, .completes = completes, .target = target});
}
void Command::Arguments(std::string_view name, std::vector<std::string>* target,
                        Completes completes) {
  positionals_.push_back({.name = name, .repeats = true, .completes = completes, .target = target});
}
void Command::OptionalArguments(std::string_view name, std::vector<std::string>* target,
                                Completes completes) {
  positionals_.push_back(
      {.name = name, .required = false, .repeats = true, .completes = completes, .target = target});
}
void Command::CommandLine(std::vector<std::string>* target) {
  Arguments("COMMAND [ARG...]", target);
}
void Command::OptionalCommandLine(std::vector<std::string>* target) {
  OptionalArguments("COMMAND [ARG...]", target);
}

const OptionSpec* Command::FindShort(char name) const {
  for (const OptionSpec& option : options_) {
    if (option.short_name == name) return &option;
  }
  return nullptr;
}

const OptionSpec* Command::FindLong(std::string_view name) const {
  for (const OptionSpec& option : options_) {
    if (option.long_name == name) return &option;
    for (std::string_view also : option.also) {
      if (also == name) return &option;
    }
  }
  return nullptr;
}

Error Command::UsageError(std::string message) const {
  return MakeError(ErrorKind::kInvalidArgument, std::move(message))
      .WithHint(fmt::format("see 'hoy {} --help'", info_.name));
}

}  // namespace hoy::cli
