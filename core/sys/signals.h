#pragma once
// Signal names as people type them: TERM, sigterm, 15, RTMIN+3. Linux numbers (signal(7)).

#include <optional>
#include <string>
#include <string_view>

namespace hoy::core {

// With or without SIG, any case, numbers 1-64, RTMIN, RTMIN+n, RTMAX, RTMAX-n. nullopt: no such
// one.
std::optional<int> ParseSignal(std::string_view text);
std::string SignalName(int signal);  // 15 -> "SIGTERM", 36 -> "SIGRTMIN+2"

}  // namespace hoy::core
