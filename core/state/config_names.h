#pragma once
// What enumerations of a ContainerConfig are called in its record.

#include <string_view>
#include <utility>

#include "core/state/container_config.h"

namespace hoy::core {

inline constexpr std::pair<MountKind, std::string_view> kMountKinds[] = {
    {MountKind::kBind, "bind"},
    {MountKind::kTmpfs, "tmpfs"},
    {MountKind::kProc, "proc"},
    {MountKind::kSysfs, "sysfs"},
    {MountKind::kDevpts, "devpts"},
    {MountKind::kMqueue, "mqueue"},
    {MountKind::kCgroup, "cgroup"},
    {MountKind::kJoinedShm, "joined-shm"},
    {MountKind::kFilesystem, "filesystem"},
};
inline constexpr std::pair<HookPoint, std::string_view> kHookPoints[] = {
    {HookPoint::kCreateRuntime, "createRuntime"},
    {HookPoint::kCreateContainer, "createContainer"},
    {HookPoint::kStartContainer, "startContainer"},
    {HookPoint::kPoststart, "poststart"},
    {HookPoint::kPoststop, "poststop"}};
inline constexpr std::pair<NamespaceMode, std::string_view> kNamespaceModes[] = {
    {NamespaceMode::kPrivate, "private"},
    {NamespaceMode::kHost, "host"},
    {NamespaceMode::kJoined, "joined"}};
inline constexpr std::pair<IpcSharing, std::string_view> kIpcSharings[] = {
    {IpcSharing::kPrivate, "private"},
    {IpcSharing::kShareable, "shareable"},
    {IpcSharing::kNone, "none"}};
inline constexpr std::pair<NotifyMode, std::string_view> kNotifyModes[] = {
    {NotifyMode::kConmon, "conmon"},
    {NotifyMode::kContainer, "container"},
    {NotifyMode::kIgnore, "ignore"}};
inline constexpr std::pair<RestartMode, std::string_view> kRestartModes[] = {
    {RestartMode::kNo, "no"},
    {RestartMode::kOnFailure, "on-failure"},
    {RestartMode::kAlways, "always"},
    {RestartMode::kUnlessStopped, "unless-stopped"}};
inline constexpr std::pair<SeccompMode, std::string_view> kSeccompModes[] = {
    {SeccompMode::kDefault, "default"},
    {SeccompMode::kUnconfined, "unconfined"},
    {SeccompMode::kProfile, "profile"}};

inline constexpr std::pair<LogDriver, std::string_view> kLogDriverNames[] = {
    {LogDriver::kFile, ToString(LogDriver::kFile)},
    {LogDriver::kJsonFile, ToString(LogDriver::kJsonFile)},
    {LogDriver::kJournald, ToString(LogDriver::kJournald)},
    {LogDriver::kNone, ToString(LogDriver::kNone)},
    {LogDriver::kPassthrough, ToString(LogDriver::kPassthrough)}};

inline const auto& NamesOf(LogDriver) {
  return kLogDriverNames;
}
inline const auto& NamesOf(HookPoint) {
  return kHookPoints;
}
inline const auto& NamesOf(MountKind) {
  return kMountKinds;
}
inline const auto& NamesOf(NamespaceMode) {
  return kNamespaceModes;
}
inline const auto& NamesOf(IpcSharing) {
  return kIpcSharings;
}
inline const auto& NamesOf(NotifyMode) {
  return kNotifyModes;
}
inline const auto& NamesOf(RestartMode) {
  return kRestartModes;
}
inline const auto& NamesOf(HealthAction) {
  return kHealthActions;
}
inline const auto& NamesOf(SeccompMode) {
  return kSeccompModes;
}

}  // namespace hoy::core
