#include "core/sys/signals.h"

#include <fmt/core.h>
#include <signal.h>
#include <string.h>

#include "core/base/text.h"

namespace hoy::core {
namespace {

// The numbers that users and other container tools mean, not glibc's, which hides two.
constexpr int kRealTimeMin = 34;
constexpr int kRealTimeMax = 64;

std::optional<int> InRange(int signal) {
  if (signal < 1 || signal > kRealTimeMax) return std::nullopt;
  return signal;
}

}  // namespace

std::optional<int> ParseSignal(std::string_view text) {
  if (auto number = ParseInteger<int>(text)) return InRange(*number);
  std::string name = ToLower(text);
  if (name.starts_with("sig")) name.erase(0, 3);
  if (name == "rtmin") return kRealTimeMin;
  if (name == "rtmax") return kRealTimeMax;
  if (name.starts_with("rtmin+")) {
    auto offset = ParseInteger<unsigned>(std::string_view(name).substr(6));
    if (!offset || *offset > kRealTimeMax - kRealTimeMin) return std::nullopt;
    return kRealTimeMin + static_cast<int>(*offset);
  }
  if (name.starts_with("rtmax-")) {
    auto offset = ParseInteger<unsigned>(std::string_view(name).substr(6));
    if (!offset || *offset > kRealTimeMax - kRealTimeMin) return std::nullopt;
    return kRealTimeMax - static_cast<int>(*offset);
  }
  if (name == "iot") return SIGABRT;
  if (name == "cld") return SIGCHLD;
  for (int signal = 1; signal < 32; ++signal) {
    const char* known = sigabbrev_np(signal);
    if (known != nullptr && ToLower(known) == name) return signal;
  }
  if (name == "io") return SIGIO;
  return std::nullopt;
}

std::string SignalName(int signal) {
  if (signal == kRealTimeMin) return "SIGRTMIN";
  if (signal > kRealTimeMin && signal < kRealTimeMax) {
    return fmt::format("SIGRTMIN+{}", signal - kRealTimeMin);
  }
  if (signal == kRealTimeMax) return "SIGRTMAX";
  const char* name = signal > 0 && signal < 32 ? sigabbrev_np(signal) : nullptr;
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

}  // namespace hoy::core
