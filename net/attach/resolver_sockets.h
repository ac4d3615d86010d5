#pragma once
// Where a container's programs ask for names: sockets in its network namespace, whose other side
// the monitor has (core/monitor/resolver.h). They go with the monitor; the container itself, and
// whoever shares its namespace, cannot tell where the answers come from.

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/network_driver.h"

namespace hoy::net {

// The two sockets of `network`. Again is a success: an earlier pair is asked no more.
Result<> OpenResolver(BorrowedFd network_namespace, core::MonitorNetwork& network);

}  // namespace hoy::net
