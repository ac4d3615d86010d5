#include "cli/ops/deaf_process.h"

#include <fmt/format.h>

#include "core/sys/signals.h"

namespace hoy::cli {

std::string DescribeDeafness(std::string_view name, core::SignalEffect effect, int signal) {
  std::string signal_name = core::SignalName(signal);
  return effect == core::SignalEffect::kIgnored
             ? fmt::format("'{}' ignores {}", name, signal_name)
             : fmt::format("'{}' has no handler for {}, and PID 1 is not ended without one", name,
                           signal_name);
}

std::string DescribeLeaving(std::string_view name, core::SignalEffect effect, int signal,
                            int more) {
  std::string then = more == 0   ? "it goes on without this client"
                     : more == 1 ? "once more leaves it running"
                                 : fmt::format("{} times more leaves it running", more);
  return fmt::format("{}; {} (hoy stop {})", DescribeDeafness(name, effect, signal), then, name);
}

}  // namespace hoy::cli
