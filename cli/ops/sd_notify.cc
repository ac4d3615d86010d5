#include "cli/ops/sd_notify.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/sys/sd_notify.h"

namespace hoy::cli {

void NotifyReady(Context& context, std::string_view mode, pid_t main_process) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (socket == nullptr || *socket == '\0' || mode == "ignore") return;
  auto told =
      core::NotifyServiceManager(socket, fmt::format("MAINPID={}\nREADY=1\n", main_process));
  if (!told) context.Warn(told.error().message);
}

}  // namespace hoy::cli
