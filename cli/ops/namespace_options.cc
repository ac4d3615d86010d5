#include "cli/ops/namespace_options.h"

#include "core/state/container_record.h"

namespace hoy::cli {
namespace {

using core::IpcSharing;
using core::NamespaceMode;

constexpr std::string_view kContainer = "container:";

std::string Joined(const std::string& id) {
  return std::string(kContainer) + id;
}

// private, host or container:NAME; the id of that one goes to `container`.
Result<NamespaceMode> Parse(std::string_view flag, const std::string& text,
                            std::string_view choices, const HostFacts& host,
                            std::string& container) {
  if (text.empty() || text == "private") return NamespaceMode::kPrivate;
  if (text == "host") return NamespaceMode::kHost;
  if (!text.starts_with(kContainer)) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': one of {}", flag, text, choices);
  }
  if (text.size() == kContainer.size()) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': a container is wanted", flag, text);
  }
  container = host.join_targets.at(text).id;
  return NamespaceMode::kJoined;
}

Result<> SetIpc(const std::string& text, const HostFacts& host, core::NamespaceModes& modes) {
  if (text == "none" || text == "shareable") {
    modes.ipc_sharing = text == "none" ? IpcSharing::kNone : IpcSharing::kShareable;
    return {};
  }
  TRY(modes.ipc, Parse("--ipc", text, "private, shareable, none, host, container:NAME", host,
                       modes.ipc_container));
  if (modes.ipc != NamespaceMode::kJoined) return {};
  const core::NamespaceModes& theirs = host.join_targets.at(text).namespaces;
  if (theirs.ipc != NamespaceMode::kPrivate || theirs.ipc_sharing == IpcSharing::kShareable) {
    return {};
  }
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("--ipc '{}': that container does not share its own", text))
                  .WithHint("it has to be made with --ipc shareable"));
}

}  // namespace

Result<std::map<std::string, JoinTarget>> FindJoinTargets(const core::Layout& layout,
                                                          const RunOptions& options) {
  std::map<std::string, JoinTarget> targets;
  auto find = [&](std::string_view flag, const std::string& text) -> Result<> {
    if (!text.starts_with(kContainer) || text.size() == kContainer.size()) return {};
    TRY_CONTEXT_SET(std::string id, core::FindContainer(layout, text.substr(kContainer.size())),
                    "{}", flag);
    TRY(core::ContainerRecord record, core::ReadContainer(layout, id));
    if (options.replace && record.name == options.name) {
      return Fail(ErrorKind::kInvalidArgument, "{} '{}': --replace removes that container", flag,
                  text);
    }
    targets[text] = {.id = std::move(id),
                     .hostname = record.config.hostname,
                     .namespaces = record.config.namespaces};
    return {};
  };
  TRY(find("--pid", options.pid));
  TRY(find("--ipc", options.ipc));
  TRY(find("--uts", options.uts));
  for (const std::string& text : options.network) TRY(find("--network", text));
  return targets;
}

Result<core::NamespaceModes> ParseNamespaces(const RunOptions& options, const HostFacts& host) {
  constexpr std::string_view kChoices = "private, host, container:NAME";
  core::NamespaceModes modes;
  TRY(modes.pid, Parse("--pid", options.pid, kChoices, host, modes.pid_container));
  TRY(modes.uts, Parse("--uts", options.uts, kChoices, host, modes.uts_container));
  TRY(SetIpc(options.ipc, host, modes));
  if (options.cgroupns == "host") modes.cgroup = NamespaceMode::kHost;
  return modes;
}

std::string PidModeName(const core::NamespaceModes& modes) {
  if (modes.pid == NamespaceMode::kJoined) return Joined(modes.pid_container);
  return modes.pid == NamespaceMode::kHost ? "host" : "";
}

std::string IpcModeName(const core::NamespaceModes& modes) {
  if (modes.ipc == NamespaceMode::kJoined) return Joined(modes.ipc_container);
  if (modes.ipc == NamespaceMode::kHost) return "host";
  switch (modes.ipc_sharing) {
    case IpcSharing::kPrivate: break;
    case IpcSharing::kShareable: return "shareable";
    case IpcSharing::kNone: return "none";
  }
  return "private";
}

std::string UtsModeName(const core::NamespaceModes& modes) {
  if (modes.uts == NamespaceMode::kJoined) return Joined(modes.uts_container);
  return modes.uts == NamespaceMode::kHost ? "host" : "";
}

}  // namespace hoy::cli
