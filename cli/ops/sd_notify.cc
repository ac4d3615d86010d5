#include "cli/ops/sd_notify.h"

#include <fmt/core.h>

#include <cstdlib>
#include <optional>

#include "core/sys/sd_notify.h"

namespace hoy::cli {
namespace {

constexpr const char* kInnerSocket = "/run/notify/notify.sock";  // where crun has it

std::optional<std::string> NotifySocket(const core::ContainerRecord& record) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  bool wanted = record.config.notify != core::NotifyMode::kIgnore;
  if (!wanted || socket == nullptr || *socket == '\0') return std::nullopt;
  return socket;
}

}  // namespace

Result<> PassNotifySocket(const core::ContainerRecord& record, core::StartRequest& request) {
  auto socket = NotifySocket(record);
  if (!socket || record.config.notify != core::NotifyMode::kContainer) return {};
  if (socket->starts_with('@')) {
    if (record.config.namespaces.net != core::NamespaceMode::kHost) {
      return Fail(MakeError(ErrorKind::kInvalidArgument,
                            fmt::format("--sdnotify container: the container cannot reach the "
                                        "abstract socket '{}'",
                                        *socket))
                      .WithHint("it can with --network host"));
    }
    request.env.push_back("NOTIFY_SOCKET=" + *socket);
    return {};
  }
  request.mounts.push_back({.kind = core::MountKind::kBind,
                            .source = *socket,
                            .target = kInnerSocket,
                            .recursive = false,
                            .source_is_directory = false});
  request.env.push_back(fmt::format("NOTIFY_SOCKET={}", kInnerSocket));
  return {};
}

void NotifyStarted(Context& context, const core::ContainerRecord& record, pid_t main_process) {
  auto socket = NotifySocket(record);
  if (!socket) return;
  bool ready = record.config.notify == core::NotifyMode::kConmon;
  auto told = core::NotifyServiceManager(
      *socket, fmt::format("MAINPID={}\n{}", main_process, ready ? "READY=1\n" : ""));
  if (!told) context.Warn(told.error().message);
}

}  // namespace hoy::cli
