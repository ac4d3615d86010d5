#include "cli/ops/given_options.h"

#include "cli/ops/cdi.h"
#include "cli/ops/mount_options.h"
#include "core/base/text.h"

namespace hoy::cli {

Result<core::GivenOptions> ParseGivenOptions(const RunOptions& options, const HostFacts& host) {
  core::GivenOptions given{.volumes_from = options.volumes_from,
                           .device_cgroup_rules = options.device_cgroup_rule};
  for (const std::string& text : options.volume) {
    size_t colon = text.find(':');
    if (colon == std::string::npos) continue;  // an anonymous volume
    TRY(core::Mount mount, ParseVolume(text, host.cwd));
    bool is_path = mount.volume == std::nullopt;
    given.binds.push_back((is_path ? mount.source : text.substr(0, colon)) + text.substr(colon));
  }
  for (const std::string& text : options.device) {
    (IsCdiName(text) ? given.cdi_devices : given.devices).push_back(text);
  }
  if (!options.gpus.empty()) {
    TRY(std::vector<std::string> gpus, ParseGpus(options.gpus));
    given.cdi_devices.insert(given.cdi_devices.end(), gpus.begin(), gpus.end());
  }
  return given;
}

}  // namespace hoy::cli
