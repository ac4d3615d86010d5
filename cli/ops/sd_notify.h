#pragma once
// A service manager that waits for `hoy run` to be ready (systemd's Type=notify): NOTIFY_SOCKET.

#include <sys/types.h>

#include <string_view>

#include "cli/ui/context.h"

namespace hoy::cli {

// Says that the container is up, and which process stands for it: the monitor of a detached one,
// else hoy itself. Nothing happens without NOTIFY_SOCKET or with the mode "ignore" (--sdnotify). A
// manager that cannot be told is a warning: the container runs.
void NotifyReady(Context& context, std::string_view mode, pid_t main_process);

}  // namespace hoy::cli
