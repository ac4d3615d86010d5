#pragma once
// How a container's health is checked: docker's HealthConfig
// (https://github.com/moby/docker-image-spec, "Healthcheck"), decided when it is created.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoy::core {

// --health-on-failure: what is done to a container that has become unhealthy.
enum class HealthAction { kNone, kKill, kRestart, kStop };
inline constexpr std::pair<HealthAction, std::string_view> kHealthActions[] = {
    {HealthAction::kNone, "none"},
    {HealthAction::kKill, "kill"},
    {HealthAction::kRestart, "restart"},
    {HealthAction::kStop, "stop"}};
std::string_view ToString(HealthAction action);

// Times are nanoseconds; 0, or less, is docker's own value, which the functions give.
struct HealthCheck {
  // {"CMD", argument...}, {"CMD-SHELL", line}; {"NONE"} where the image has one and the user wants
  // none.
  std::vector<std::string> test;
  std::vector<std::string> shell;  // of CMD-SHELL; empty: /bin/sh -c
  int64_t interval = 0;
  int64_t timeout = 0;
  int64_t start_period = 0;  // failures in it count only after a success
  int64_t start_interval = 0;
  int64_t retries = 0;  // failures in a row that make it unhealthy
  HealthAction on_failure = HealthAction::kNone;

  bool Probes() const;                       // false: there is nothing to run
  std::vector<std::string> Command() const;  // argv of a probe

  int64_t Interval() const;
  int64_t Timeout() const;
  int64_t StartPeriod() const;
  int64_t StartInterval() const;
  int64_t Retries() const;

  bool operator==(const HealthCheck&) const = default;
};

}  // namespace hoy::core
