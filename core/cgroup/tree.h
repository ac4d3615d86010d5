#pragma once
// What both cgroup versions have in common: directories, processes, control files.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/cgroup/limits.h"

namespace hoy::core {

// The directory of container `id` below `base`.
std::string CgroupDirectoryName(std::string_view id);

// Checks --cgroup-parent and returns it as "/a/b" below the mountpoint. `base` is put before a
// relative one. kInvalidArgument: it has "..".
Result<std::string> ResolveCgroupParent(std::string_view parent, std::string_view base);

// Makes `hoy-<id>` below `mountpoint` + `path`, and what is missing of `path`; `made_parent` is
// called for each such directory, outermost first. These are marked (xattr trusted.hoy.made), so
// that they can be told from the user's own and go with the last container. An empty left-over of
// the same id is replaced. kAlreadyExists: processes are in it.
Result<std::string> MakeContainerCgroup(
    const std::string& mountpoint, std::string_view path, std::string_view id,
    const std::function<Result<>(const std::string&)>& made_parent);
// Removes `directory` and then its parents, as long as they are marked and empty. Best effort.
void RemoveMarkedCgroups(std::string directory);
std::string ParentOf(const std::string& directory);

// rmdir of `directory` and all below it, deepest first. Missing: success. While processes are dying
// in it, waits, with `wait_for_change(directory, milliseconds)` between the attempts.
// kConflict: still not empty after `patience`.
using CgroupWaiter = std::function<void(const std::string&, std::chrono::milliseconds)>;
Result<> RemoveCgroup(const std::string& directory, std::chrono::milliseconds patience,
                      const CgroupWaiter& wait_for_change);
void WaitABit(const std::string& directory, std::chrono::milliseconds at_most);

// Pids in `directory` and below. Missing: none.
Result<std::vector<pid_t>> ProcessesInCgroup(const std::string& directory);
// One SIGKILL to each process in `directory` and below, each through a pidfd that was checked to be
// in the cgroup. How many were found.
Result<size_t> KillProcessesInCgroup(const std::string& directory);

// Writes one limit of the container to its cgroup. `--memory` etc. is named on failure:
// kUnsupported (no such file, read-only), kInvalidArgument (the kernel refused the value).
Result<> WriteLimit(const std::string& directory, const LimitWrite& write);

// A file that is one number, "max" or absent being nullopt.
std::optional<uint64_t> ReadCgroupNumber(const std::string& path);
// The number behind `key ` in a flat keyed file ("oom_kill 3"), or 0.
uint64_t FlatKeyed(std::string_view text, std::string_view key);

}  // namespace hoy::core
