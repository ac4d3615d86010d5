#pragma once
// A container's environment, merged as docker and podman do. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ops/option_values.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

// "NAME=value" lines in the order in which the names first came, each name once.
class Environment {
 public:
  void Set(std::string_view name, std::string_view value);
  // The same, for what nobody asked for.
  void SetOwn(std::string_view name, std::string_view value);
  void SetLine(std::string_view line);  // "NAME=value"; a line without "=" sets nothing
  void Remove(std::string_view name);
  // A name without a value takes the host's, or goes when the host has none, as docker's -e does.
  void Apply(const EnvEntry& entry, const std::vector<std::string>& host_env);
  // The names of SetOwn that nobody has set otherwise or removed.
  const std::vector<std::string>& own() const { return own_; }
  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  std::vector<std::string>::iterator Find(std::string_view name);
  std::vector<std::string> lines_;
  std::vector<std::string> own_;
};

// A container's environment as its image and its user said it: without hoy's own variables.
std::vector<std::string> GivenEnvironment(const core::ContainerConfig& config);

std::optional<std::string_view> FindVariable(const std::vector<std::string>& env,
                                             std::string_view name);

}  // namespace hoy::cli
