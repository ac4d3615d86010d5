#include "cli/ui/parser.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/sys/clock.h"

namespace hoy::cli {
namespace {

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string Title(const Command& command) {  // "hoy run", or "hoy" before the verb
  std::string_view name = command.info().name;
  return name.empty() ? "hoy" : fmt::format("hoy {}", name);
}

std::string SeeHelp(const Command& command) {
  return fmt::format("see '{} --help'", Title(command));
}

Error UsageError(const Command& command, std::string message) {
  return MakeError(ErrorKind::kInvalidArgument, std::move(message)).WithHint(SeeHelp(command));
}

Error UnknownOption(const Command& command, std::string_view typed) {
  std::string hint = SeeHelp(command);
  if (typed.starts_with("--")) {
    std::vector<std::string_view> names = {"help"};
    for (const OptionSpec& option : command.options()) {
      if (!option.hidden && !option.long_name.empty()) names.push_back(option.long_name);
    }
    std::string_view nearest = NearestName(typed.substr(2), names);
    if (!nearest.empty()) hint = fmt::format("did you mean --{}? {}", nearest, hint);
  }
  Error error = MakeError(ErrorKind::kInvalidArgument, fmt::format("unknown option '{}'", typed));
  error.subject = typed;
  return std::move(error).WithHint(std::move(hint));
}

Result<> Invalid(std::string_view typed, std::string_view value, std::string_view wanted) {
  Error error = MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("invalid value '{}' for {}: {}", value, typed, wanted));
  error.subject = value;
  return Fail(std::move(error));
}

struct Store {  // a text into whichever target the option has
  std::string_view value;
  Result<> operator()(std::string* target) const { return *target = value, Result<>(); }
  Result<> operator()(std::optional<std::string>* target) const {
    return *target = std::string(value), Result<>();
  }
  Result<> operator()(std::vector<std::string>* target) const {
    return target->emplace_back(value), Result<>();
  }
  Result<> operator()(const OptionSetter& setter) const { return setter(value); }
  template <typename Number>
  Result<> operator()(Number*) const {
    return Fail(ErrorKind::kInvalidArgument, "the option's kind and target disagree");
  }
};

template <typename Number>
void StoreNumber(const OptionTarget& target, Number number) {
  if (auto* plain = std::get_if<Number*>(&target)) **plain = number;
  if (auto* optional = std::get_if<std::optional<Number>*>(&target)) **optional = number;
}

class ArgumentReader {
 public:
  ArgumentReader(Command& command, std::span<char* const> arguments)
      : command_(command), arguments_(arguments) {}

  Result<ParseOutcome> Read() {
    bool options_ended = false;
    while (next_ < arguments_.size()) {
      std::string_view argument = arguments_[next_++];
      if (options_ended || argument.size() < 2 || argument[0] != '-') {
        values_.push_back(argument);
        options_ended = options_ended || command_.info().runs_command;
      } else if (argument == "--") {
        options_ended = true;
      } else if (argument.starts_with("--")) {
        TRY(ReadLong(argument));
      } else {
        TRY(ReadShorts(argument));
      }
      if (help_) return ParseOutcome::kHelp;
    }
    TRY(BindPositionals());
    return ParseOutcome::kRun;
  }

 private:
  Result<> ReadLong(std::string_view argument) {
    Cut cut = CutAt(argument, '=');
    const OptionSpec* option = command_.FindLong(cut.before.substr(2));
    if (option == nullptr) {
      if (argument == "--help") {
        help_ = true;
        return {};
      }
      return Fail(UnknownOption(command_, cut.before));
    }
    return Take(*option, cut.before, cut.after);
  }

  // A cluster: flags until one that wants a value, which is the rest of the word or the next one.
  Result<> ReadShorts(std::string_view argument) {
    for (size_t at = 1; at < argument.size(); ++at) {
      std::string typed = {'-', argument[at]};
      const OptionSpec* option = command_.FindShort(argument[at]);
      if (option == nullptr) {
        if (argument[at] == 'h') {
          help_ = true;
          return {};
        }
        Error error = UnknownOption(command_, typed);
        if (argument.size() > 2) error.message += fmt::format(" (in '{}')", argument);
        return Fail(std::move(error));
      }
      std::string_view rest = argument.substr(at + 1);
      bool has_equals = rest.starts_with('=');
      if (option->kind == ValueKind::kFlag && !has_equals) {
        TRY(SetOption(*option, typed, "true"));
        continue;
      }
      if (rest.empty()) return Take(*option, typed, std::nullopt);
      return Take(*option, typed, has_equals ? rest.substr(1) : rest);
    }
    return {};
  }

  Result<> Take(const OptionSpec& option, std::string_view typed,
                std::optional<std::string_view> value) {
    if (!value && option.kind == ValueKind::kFlag) value = "true";
    if (!value) {
      if (next_ == arguments_.size()) {
        return Fail(UsageError(
            command_, fmt::format("option {} wants a value ({})", typed, option.value_name)));
      }
      value = arguments_[next_++];
    }
    auto stored = SetOption(option, typed, *value);
    if (!stored && stored.error().hint.empty()) {
      stored.error().hint = SeeHelp(command_);
    }
    return stored;
  }

  Result<> BindPositionals() {
    size_t at = 0;
    for (const PositionalSpec& positional : command_.positionals()) {
      if (auto* list = std::get_if<std::vector<std::string>*>(&positional.target)) {
        (*list)->assign(values_.begin() + static_cast<ptrdiff_t>(at), values_.end());
        if (positional.required && (*list)->empty()) return MissingArgument(positional);
        at = values_.size();
        continue;
      }
      if (at == values_.size()) {
        if (positional.required) return MissingArgument(positional);
        continue;
      }
      std::string_view value = values_[at++];
      if (auto* text = std::get_if<std::string*>(&positional.target)) **text = value;
      if (auto* optional = std::get_if<std::optional<std::string>*>(&positional.target)) {
        **optional = std::string(value);
      }
    }
    if (at == values_.size()) return {};
    if (command_.positionals().empty()) {
      return Fail(UsageError(command_, fmt::format("'{}' takes no arguments, but got '{}'",
                                                   Title(command_), values_[at])));
    }
    return Fail(UsageError(
        command_, fmt::format("'{}' has too many arguments: '{}'", Title(command_), values_[at])));
  }

  Result<> MissingArgument(const PositionalSpec& positional) {
    return Fail(UsageError(
        command_, fmt::format("'{}' wants {}{}", Title(command_),
                              positional.repeats ? "at least one " : "", positional.name)));
  }

  Command& command_;
  std::span<char* const> arguments_;
  size_t next_ = 0;
  std::vector<std::string_view> values_;
  bool help_ = false;
};

}  // namespace

Result<ParseOutcome> Parse(Command& command, std::span<char* const> arguments) {
  return ArgumentReader(command, arguments).Read();
}

std::optional<bool> ParseBool(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "false", "FALSE", "False"};
  if (Contains(kTrue, text)) return true;
  if (Contains(kFalse, text)) return false;
  return std::nullopt;
}

std::string_view NearestName(std::string_view typed, std::span<const std::string_view> candidates) {
  size_t best_distance = 1 + (typed.size() < 4 ? 1 : std::max<size_t>(2, typed.size() / 3));
  std::string_view best;
  for (std::string_view candidate : candidates) {
    size_t distance = EditDistance(typed, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (!best.empty() || typed.size() < 3) return best;
  for (std::string_view candidate : candidates) {  // what was begun and not finished
    if (candidate.starts_with(typed)) return candidate;
  }
  return {};
}

Result<> SetOption(const OptionSpec& option, std::string_view typed, std::string_view value) {
  switch (option.kind) {
    case ValueKind::kFlag: {
      auto parsed = ParseBool(value);
      if (!parsed) return Invalid(typed, value, "wants true or false");
      StoreNumber<bool>(option.target, *parsed);
      return {};
    }
    case ValueKind::kInteger: {
      auto parsed = ParseInteger<int64_t>(value);
      if (!parsed) return Invalid(typed, value, "wants a whole number");
      StoreNumber<int64_t>(option.target, *parsed);
      return {};
    }
    case ValueKind::kByteSize: {
      // -1 means "no limit" wherever docker takes sizes.
      auto parsed = value == "-1" ? std::optional<int64_t>(-1) : ParseByteSize(value);
      if (!parsed) return Invalid(typed, value, "wants a size, like 512m or 2g");
      StoreNumber<int64_t>(option.target, *parsed);
      return {};
    }
    case ValueKind::kDuration: {
      auto parsed = core::ParseDuration(value);
      if (!parsed) return Invalid(typed, value, "wants a duration, like 90, 1.5h or 2m30s");
      if (*parsed < 0) return Invalid(typed, value, "no time is below zero");
      StoreNumber<int64_t>(option.target, *parsed);
      return {};
    }
    case ValueKind::kString: break;
  }
  if (!option.choices.empty() && !Contains(option.choices, value)) {
    return Invalid(typed, value, fmt::format("wants {}", Join(option.choices, ", ")));
  }
  return std::visit(Store{value}, option.target);
}

}  // namespace hoy::cli
