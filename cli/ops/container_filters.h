#pragma once
// The filters of ps: KEY=VALUE, judged when they are read and applied to what lists know of a
// container. Only volume, network and expose make it read a container's config, and
// publish its network status.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/ops/port_options.h"
#include "cli/ui/filter.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "core/state/health_state.h"
#include "core/state/layout.h"

namespace hoy::cli {

class ContainerFilters {
 public:
  // Keys: id name label exited status ancestor before since volume network publish expose health
  // until command. kInvalidArgument: an unknown key, or a value that can never match.
  static Result<ContainerFilters> Parse(const core::Layout& layout,
                                        const std::vector<std::string>& texts, core::Timestamp now);

  // A filter that is about containers in any state was given.
  bool WantsAnyState() const;
  Result<bool> Match(const core::Layout& layout, const core::ContainerSummary& summary,
                     const core::ContainerStatus& status, core::HealthStatus health) const;
  // The part that needs no config.
  bool MatchSummary(const core::ContainerSummary& summary, const core::ContainerStatus& status,
                    core::HealthStatus health) const;
  // `networks`: what the values of the filter `network` that are ids mean.
  using Names = std::map<std::string, std::string, std::less<>>;
  static bool MatchConfig(const Filters& filters, const core::ContainerConfig& config,
                          const Names& networks = {});
  // publish, which is about ports of the host, as they came out.
  static bool MatchPorts(const Filters& filters, const std::vector<OpenPort>& ports);

 private:
  Result<> CheckValues() const;

  Filters filters_;
  std::optional<core::Timestamp> before_;
  std::optional<core::Timestamp> since_;
  std::optional<core::Timestamp> until_;
  Names ancestors_;  // to the ids of images that are here
  Names networks_;   // to names
};

// Whether `pattern` (POSIX extended) is in `text`; docker's name filter is a pattern, too.
bool PatternIsIn(const std::string& pattern, const std::string& text);

}  // namespace hoy::cli
