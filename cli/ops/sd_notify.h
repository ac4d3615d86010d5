#pragma once
// A service manager that waits for `hoy run` or `hoy start` to be ready (systemd's Type=notify):
// NOTIFY_SOCKET, and the container's --sdnotify. Nothing happens without the one, or with "ignore".

#include <sys/types.h>

#include "cli/ui/context.h"
#include "core/engine/start.h"

namespace hoy::cli {

// Mode "container": the start passes the socket on, as a file of its own. kInvalidArgument: it is
// an abstract one, and the container has another network namespace.
Result<> PassNotifySocket(const core::ContainerRecord& record, core::StartRequest& request);

// Tells which process stands for the container: the monitor of a detached one, else hoy itself;
// and, in mode "conmon", that it is up. A manager that cannot be told is a warning: it runs.
void NotifyStarted(Context& context, const core::ContainerRecord& record, pid_t main_process);

}  // namespace hoy::cli
