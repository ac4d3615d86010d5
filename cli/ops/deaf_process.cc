#include "cli/ops/deaf_process.h"

#include <fmt/core.h>

#include "core/sys/signals.h"

namespace hoy::cli {
namespace {

std::string Times(int more, std::string_view then) {
  return more == 1 ? fmt::format("once more {}", then)
                   : fmt::format("{} times more {}", more, then);
}

}  // namespace

std::string DescribeDeafness(std::string_view name, core::SignalEffect effect, int signal) {
  std::string signal_name = core::SignalName(signal);
  return effect == core::SignalEffect::kIgnored
             ? fmt::format("'{}' ignores {}", name, signal_name)
             : fmt::format("'{}' has no handler for {}, and PID 1 is not ended without one", name,
                           signal_name);
}

std::string DescribeLeaving(std::string_view name, core::SignalEffect effect, int signal,
                            int more) {
  return fmt::format(
      "{}; {} (hoy stop {})", DescribeDeafness(name, effect, signal),
      more == 0 ? "it goes on without this client" : Times(more, "leaves it running"), name);
}

std::string DescribeKilling(std::string_view name, core::SignalEffect effect, int signal,
                            int more) {
  return fmt::format("{}; {}", DescribeDeafness(name, effect, signal),
                     more == 0 ? "it is killed" : Times(more, "kills it"));
}

}  // namespace hoy::cli
