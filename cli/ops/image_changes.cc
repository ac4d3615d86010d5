#include "cli/ops/image_changes.h"

#include <algorithm>

#include "cli/ops/health_options.h"
#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "core/sys/signals.h"

namespace hoy::cli {
namespace {

using Words = std::vector<std::string>;

// The exec form, or the shell form, which a shell runs.
Words CommandOf(std::string_view text) {
  if (auto words = ParseJsonWords(text)) return *words;
  return {"/bin/sh", "-c", std::string(text)};
}

// Words as a Dockerfile has them: quotes group, a backslash takes the next character as it is.
Result<Words> SplitWords(std::string_view text) {
  Words words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return Fail(ErrorKind::kInvalidArgument, "a quote is not closed");
  if (in_word) words.push_back(std::move(word));
  return words;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// "A=1 B='2 3'", or the old "A 1".
Result<Pairs> PairsOf(std::string_view text) {
  TRY(Words words, SplitWords(text));
  Pairs pairs;
  if (!words.empty() && words[0].find('=') == std::string::npos) {
    size_t space = text.find_first_of(" \t");
    if (space == std::string_view::npos) {
      return Fail(ErrorKind::kInvalidArgument, "'{}' has no value", text);
    }
    pairs.emplace_back(text.substr(0, space), Trim(text.substr(space)));
    return pairs;
  }
  for (const std::string& word : words) {
    Cut cut = CutAt(word, '=');
    if (!cut.after || cut.before.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "'{}' is not KEY=VALUE", word);
    }
    pairs.emplace_back(cut.before, *cut.after);
  }
  return pairs;
}

void AddOnce(Words& list, std::string word) {
  auto place = std::ranges::lower_bound(list, word);
  if (place == list.end() || *place != word) list.insert(place, std::move(word));
}

Result<std::string> PortOf(const std::string& text) {
  Cut cut = CutAt(text, '/');
  std::string protocol = ToLower(cut.after.value_or("tcp"));
  auto range = CutAt(cut.before, '-');
  auto first = ParseInteger<uint16_t>(range.before);
  auto last = ParseInteger<uint16_t>(range.after.value_or(range.before));
  bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
  if (!first || !last || *first == 0 || *last < *first || !known) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not PORT[/PROTOCOL]", text);
  }
  return std::string(cut.before) + "/" + protocol;
}

void SetVariable(Words& env, const std::string& name, const std::string& value) {
  std::string line = name + "=" + value;
  auto known = std::ranges::find_if(
      env, [&](const std::string& other) { return other.starts_with(name + "="); });
  if (known == env.end()) {
    env.push_back(std::move(line));
  } else {
    *known = std::move(line);
  }
}

Result<> Apply(oci::ImageRunConfig& config, const std::string& instruction,
               std::string_view value) {
  if (instruction == "CMD") {
    config.cmd = CommandOf(value);
  } else if (instruction == "ENTRYPOINT") {
    config.entrypoint = CommandOf(value);
  } else if (instruction == "ENV") {
    TRY(Pairs pairs, PairsOf(value));
    for (const auto& [name, text] : pairs) SetVariable(config.env, name, text);
  } else if (instruction == "HEALTHCHECK") {
    TRY(core::HealthCheck check, ParseHealthInstruction(value));
    config.healthcheck = HealthcheckJson(check).dump();
  } else if (instruction == "LABEL") {
    TRY(Pairs pairs, PairsOf(value));
    for (const auto& [name, text] : pairs) config.labels[name] = text;
  } else if (instruction == "EXPOSE") {
    TRY(Words words, SplitWords(value));
    for (const std::string& word : words) {
      TRY(std::string port, PortOf(word));
      AddOnce(config.exposed_ports, std::move(port));
    }
  } else if (instruction == "VOLUME") {
    Words words;
    if (auto list = ParseJsonWords(value)) {
      words = *std::move(list);
    } else {
      TRY(words, SplitWords(value));
    }
    for (std::string& word : words) AddOnce(config.volumes, std::move(word));
  } else if (instruction == "USER") {
    config.user = value;
  } else if (instruction == "WORKDIR") {
    bool absolute = value.starts_with('/');
    std::string base = absolute ? "" : config.working_dir;
    if (!absolute && !base.ends_with('/')) base += '/';
    config.working_dir = base + std::string(value);
  } else if (instruction == "STOPSIGNAL") {
    if (!core::ParseSignal(value)) {
      return Fail(ErrorKind::kInvalidArgument, "'{}' is no signal", value);
    }
    config.stop_signal = value;
  } else if (instruction == "ONBUILD") {
    config.on_build.emplace_back(value);
  } else {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("'{}' is not an instruction that can be used", instruction))
                    .WithHint("instructions are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, "
                              "ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR"));
  }
  return {};
}

}  // namespace

Result<> ApplyChanges(oci::ImageRunConfig& config, std::span<const std::string> changes) {
  for (const std::string& change : changes) {
    std::string_view text = Trim(change);
    size_t end = text.find_first_of(" \t=");
    std::string instruction;
    for (char c : text.substr(0, end)) {
      instruction += static_cast<char>(toupper(static_cast<unsigned char>(c)));
    }
    std::string_view value =
        end == std::string_view::npos ? std::string_view() : Trim(text.substr(end + 1));
    if (value.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "--change '{}': nothing after the instruction",
                  change);
    }
    TRY_CONTEXT(Apply(config, instruction, value), "--change '{}'", change);
  }
  return {};
}

}  // namespace hoy::cli
