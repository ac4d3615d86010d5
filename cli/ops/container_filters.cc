#include "cli/ops/container_filters.h"

#include <regex.h>

#include <algorithm>

#include "cli/ops/moment.h"
#include "cli/ops/network_options.h"
#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "net/state/network_store.h"
#include "oci/image/image_store.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

Error BadValue(std::string_view key, std::string_view value, std::string_view hint) {
  return MakeError(ErrorKind::kInvalidArgument, fmt::format("invalid filter '{}={}'", key, value))
      .WithHint(std::string(hint));
}

bool IsState(std::string_view word) {
  if (word == "dead") return true;  // docker has it; no container of ours ever is
  for (int i = 0; i < core::kContainerStates; ++i) {
    if (word == core::ToString(static_cast<core::ContainerState>(i))) return true;
  }
  return false;
}

bool IsHealth(std::string_view word) {
  return word == "starting" || word == "healthy" || word == "unhealthy" || word == "none";
}

// Whether a container belongs to a service of docker's swarm, which none here does.
std::optional<bool> TaskWord(std::string_view word) {
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  return std::nullopt;
}

bool LabelMatches(const core::StringPairs& labels, std::string_view wanted) {
  auto [key, value] = CutAt(wanted, '=');
  return std::ranges::any_of(labels, [key, value](const auto& label) {
    return label.first == key && (!value || label.second == *value);
  });
}

// For an image that is gone, what the container was made from is all there is to compare.
bool ImageTextMatches(const core::ContainerSummary& summary, std::string_view wanted) {
  if (summary.image == wanted) return true;
  std::string_view id = wanted.starts_with("sha256:") ? wanted.substr(7) : wanted;
  if (IsHex(id) && summary.image_id.starts_with(id)) return true;
  auto ours = oci::Reference::ParseWithDefaultTag(summary.image);
  auto theirs = oci::Reference::ParseWithDefaultTag(wanted);
  return ours && theirs && *ours == *theirs;
}

Result<std::optional<core::Timestamp>> CreationOf(const core::Layout& layout,
                                                  const Filters& filters, std::string_view key) {
  auto values = filters.Values(key);
  if (values.empty()) return std::nullopt;
  TRY(std::string id, core::FindContainer(layout, values.back()));
  TRY(core::ContainerSummary summary, core::ReadSummary(layout, id));
  return summary.created;
}

}  // namespace

bool PatternIsIn(const std::string& pattern, const std::string& text) {
  regex_t compiled{};
  if (regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

Result<ContainerFilters> ContainerFilters::Parse(const core::Layout& layout,
                                                 const std::vector<std::string>& texts,
                                                 core::Timestamp now) {
  ContainerFilters filters;
  TRY(filters.filters_,
      Filters::Parse(texts, {"id", "name", "label", "exited", "status", "ancestor", "before",
                             "since", "volume", "network", "publish", "expose", "health", "until",
                             "command", "is-task"}));
  TRY(filters.CheckValues());
  TRY(filters.before_, CreationOf(layout, filters.filters_, "before"));
  TRY(filters.since_, CreationOf(layout, filters.filters_, "since"));
  for (const std::string& value : filters.filters_.Values("until")) {
    TRY(filters.until_, ParseUntil(value, now));
  }
  for (const std::string& value : filters.filters_.Values("ancestor")) {
    auto image = oci::ImageStore(layout).Resolve(value);
    // A list's name may mean another image for another platform: the names are compared.
    if (image && !image->of_list) filters.ancestors_[value] = image->record.id.hex();
  }
  for (const std::string& value : filters.filters_.Values("network")) {
    if (auto network = net::FindNetwork(layout, value)) filters.networks_[value] = network->name;
  }
  return filters;
}

Result<> ContainerFilters::CheckValues() const {
  for (const std::string& value : filters_.Values("status")) {
    if (IsState(value)) continue;
    return Fail(BadValue("status", value,
                         "states are created, initializing, running, paused, stopping, restarting, "
                         "exited, failed, removing"));
  }
  for (const std::string& value : filters_.Values("exited")) {
    if (!ParseInteger<int>(value)) return Fail(BadValue("exited", value, "wants an exit code"));
  }
  for (const std::string& value : filters_.Values("health")) {
    if (IsHealth(value)) continue;
    return Fail(BadValue("health", value, "one of starting, healthy, unhealthy, none"));
  }
  for (const std::string& value : filters_.Values("is-task")) {
    if (!TaskWord(value)) return Fail(BadValue("is-task", value, "true or false"));
  }
  for (const char* key : {"publish", "expose"}) {
    for (const std::string& value : filters_.Values(key)) {
      TRY(ParsePorts(fmt::format("filter {}", key), value));
    }
  }
  for (const std::string& value : filters_.Values("name")) {
    regex_t compiled{};
    int failed = regcomp(&compiled, value.c_str(), REG_EXTENDED | REG_NOSUB);
    if (failed == 0) {
      regfree(&compiled);
      continue;
    }
    return Fail(BadValue("name", value, "not a regular expression"));
  }
  return {};
}

bool ContainerFilters::WantsAnyState() const {
  return !filters_.Values("status").empty() || !filters_.Values("exited").empty();
}

bool ContainerFilters::MatchSummary(const core::ContainerSummary& summary,
                                    const core::ContainerStatus& status,
                                    core::HealthStatus health) const {
  if (before_ && summary.created >= *before_) return false;
  if (since_ && summary.created <= *since_) return false;
  if (until_ && summary.created >= *until_) return false;
  return filters_.Match("id", [&](std::string_view v) {
    return summary.id.starts_with(v);
  }) && filters_.Match("name", [&](std::string_view v) {
    std::string pattern(v);
    return PatternIsIn(pattern, summary.name) || PatternIsIn(pattern, "/" + summary.name);
  }) && filters_.Match("label", [&](std::string_view v) {
    return LabelMatches(summary.labels, v);
  }) && filters_.Match("status", [&](std::string_view v) {
    return core::ToString(status.state) == v;
  }) && filters_.Match("ancestor", [&](std::string_view v) {
    auto image = ancestors_.find(v);
    return image == ancestors_.end() ? ImageTextMatches(summary, v)
                                     : summary.image_id == image->second;
  }) && filters_.Match("exited", [&](std::string_view v) {
    return status.state == core::ContainerState::kExited && status.exit &&
           std::to_string(status.exit->exit_code) == v;
  }) && filters_.Match("health", [&](std::string_view v) {
    return v == core::ToString(health);
  }) && filters_.Match("is-task", [&](std::string_view v) {
    return TaskWord(v) == false;
  }) && filters_.Match("command", [&](std::string_view v) {
    return !summary.command.empty() && summary.command[0].find(v) != std::string::npos;
  });
}

bool ContainerFilters::MatchConfig(const Filters& filters, const core::ContainerConfig& config,
                                   const Names& networks) {
  return filters.Match("volume", [&](std::string_view v) {
    return std::ranges::any_of(config.mounts, [&](const core::Mount& mount) {
      return mount.from_user &&
             (mount.source == v || mount.target == v || (mount.volume && mount.volume->name == v));
    });
  }) && filters.Match("network", [&](std::string_view v) {
    auto name = networks.find(v);
    std::string_view wanted = name == networks.end() ? v : std::string_view(name->second);
    return wanted == NetworkModeName(config) ||
           std::ranges::any_of(config.network.attachments,
                               [&](const auto& one) { return one.network == wanted; });
  }) && filters.Match("expose", [&](std::string_view v) {
    return std::ranges::any_of(config.exposed_ports,
                               [&](const std::string& port) { return HasPort(v, port); });
  });
}

bool ContainerFilters::MatchPorts(const Filters& filters, const std::vector<OpenPort>& ports) {
  return filters.Match("publish", [&](std::string_view v) {
    return std::ranges::any_of(ports, [&](const OpenPort& port) {
      return port.host_port != 0 && HasPort(v, PortName(port.host_port, port.protocol));
    });
  });
}

Result<bool> ContainerFilters::Match(const core::Layout& layout,
                                     const core::ContainerSummary& summary,
                                     const core::ContainerStatus& status,
                                     core::HealthStatus health) const {
  if (!MatchSummary(summary, status, health)) return false;
  if (!filters_.Values("publish").empty()) {
    auto network = net::ReadNetworkStatus(layout, summary.id);
    bool has_any = network && *network;
    if (!MatchPorts(filters_, has_any ? OpenPortsOf(**network) : std::vector<OpenPort>())) {
      return false;
    }
  }
  bool needs_config =
      std::ranges::any_of(std::initializer_list<std::string_view>{"volume", "network", "expose"},
                          [&](std::string_view key) { return !filters_.Values(key).empty(); });
  if (!needs_config) return true;
  TRY(core::ContainerRecord record, core::ReadContainer(layout, summary.id));
  return MatchConfig(filters_, record.config, networks_);
}

}  // namespace hoy::cli
