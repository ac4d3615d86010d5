#include "core/state/health_check.h"

namespace hoy::core {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

int64_t OrElse(int64_t value, int64_t otherwise) {
  return value > 0 ? value : otherwise;
}

}  // namespace

std::string_view ToString(HealthAction action) {
  for (const auto& [member, name] : kHealthActions) {
    if (member == action) return name;
  }
  return "none";
}

bool HealthCheck::Probes() const {
  return test.size() > 1 && test[0] != "NONE";
}

std::vector<std::string> HealthCheck::Command() const {
  if (!Probes()) return {};
  std::vector<std::string> command;
  if (test[0] == "CMD-SHELL") {
    command = shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : shell;
  }
  command.insert(command.end(), test.begin() + 1, test.end());
  return command;
}

int64_t HealthCheck::Interval() const {
  return OrElse(interval, 30 * kSecondNs);
}

int64_t HealthCheck::Timeout() const {
  return OrElse(timeout, 30 * kSecondNs);
}

int64_t HealthCheck::StartPeriod() const {
  return OrElse(start_period, 0);
}

int64_t HealthCheck::StartInterval() const {
  return OrElse(start_interval, 5 * kSecondNs);
}

int64_t HealthCheck::Retries() const {
  return OrElse(retries, 3);
}

}  // namespace hoy::core
