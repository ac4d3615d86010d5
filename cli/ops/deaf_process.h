#pragma once
// Sentences about processes that do not do what a signal asks of them.

#include <string>
#include <string_view>

#include "core/engine/signal_effect.h"

namespace hoy::cli {

// "'web' ignores SIGTERM". Not for kTaken.
std::string DescribeDeafness(std::string_view name, core::SignalEffect effect, int signal);

// "'web' ignores SIGTERM; it goes on without this client (hoy stop web)"; `more`: so many more of
// these signals and the client leaves.
std::string DescribeLeaving(std::string_view name, core::SignalEffect effect, int signal, int more);
// The same of a command that ends with its client.
std::string DescribeKilling(std::string_view name, core::SignalEffect effect, int signal, int more);

}  // namespace hoy::cli
