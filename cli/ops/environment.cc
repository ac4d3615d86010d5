#include "cli/ops/environment.h"

#include <algorithm>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

bool Names(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=';
}

}  // namespace

std::optional<std::string_view> FindVariable(const std::vector<std::string>& env,
                                             std::string_view name) {
  for (std::string_view line : env) {
    if (Names(line, name)) return line.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::vector<std::string> GivenEnvironment(const core::ContainerConfig& config) {
  std::vector<std::string> given = config.process.env;
  std::erase_if(given, [&](const std::string& line) {
    std::string_view name = CutAt(line, '=').before;
    return std::ranges::find(config.own_variables, name) != config.own_variables.end();
  });
  return given;
}

std::vector<std::string>::iterator Environment::Find(std::string_view name) {
  return std::ranges::find_if(lines_, [&](const std::string& line) { return Names(line, name); });
}

void Environment::Set(std::string_view name, std::string_view value) {
  std::erase(own_, name);
  std::string line = std::string(name).append("=").append(value);
  if (auto found = Find(name); found != lines_.end()) {
    *found = std::move(line);
  } else {
    lines_.push_back(std::move(line));
  }
}

void Environment::SetOwn(std::string_view name, std::string_view value) {
  Set(name, value);
  own_.emplace_back(name);
}

void Environment::SetLine(std::string_view line) {
  Cut cut = CutAt(line, '=');
  if (cut.after && !cut.before.empty()) Set(cut.before, *cut.after);
}

void Environment::Remove(std::string_view name) {
  if (auto found = Find(name); found != lines_.end()) lines_.erase(found);
  std::erase(own_, name);
}

void Environment::Apply(const EnvEntry& entry, const std::vector<std::string>& host_env) {
  if (entry.value) {
    Set(entry.name, *entry.value);
  } else if (auto value = FindVariable(host_env, entry.name)) {
    Set(entry.name, *value);
  } else {
    Remove(entry.name);
  }
}

}  // namespace hoy::cli
