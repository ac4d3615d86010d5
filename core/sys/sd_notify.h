#pragma once
// sd_notify(3) without libsystemd: one datagram to the socket that NOTIFY_SOCKET names.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

// `socket` is an absolute path, or "@name" in the abstract namespace. `state` is lines such as
// "READY=1\nMAINPID=42". kInvalidArgument: not such a name.
Result<> NotifyServiceManager(const std::string& socket, std::string_view state);

}  // namespace hoy::core
