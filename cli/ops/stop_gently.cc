#include "cli/ops/stop_gently.h"

#include "cli/ops/deaf_process.h"
#include "cli/ops/option_values.h"
#include "core/sys/signals.h"

namespace hoy::cli {

Result<> StopGently(Context& context, const std::string& name, const std::string& id,
                    core::StopRequest request) {
  request.deaf = [&](core::SignalEffect effect, int signal, int64_t patience_seconds) {
    std::string then = patience_seconds < 0
                           ? "nothing else will end it"
                           : fmt::format("SIGKILL follows in {} s", patience_seconds);
    bool unhandled = effect == core::SignalEffect::kUnhandled;
    context.Warn(
        fmt::format("{}; {}{}", DescribeDeafness(name, effect, signal), then,
                    unhandled ? " (run it with --init, or with another --stop-signal)" : ""));
  };
  return core::StopContainer(context.layout, id, request);
}

Result<std::optional<int>> ParseSignalFlag(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  auto signal = core::ParseSignal(*text);
  if (!signal) {
    return Fail(ErrorKind::kInvalidArgument, "--signal: no such signal: '{}'", *text);
  }
  return signal;
}

Result<> CheckPatience(std::optional<int64_t> seconds) {
  if (!seconds || *seconds <= kMaxSeconds) return {};
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("--timeout '{}': more than {} seconds", *seconds, kMaxSeconds))
                  .WithHint("-1 waits for ever"));
}

}  // namespace hoy::cli
