#pragma once
// A limit on what a directory tree may take of its file system, by a project id that all that is
// made below inherits: ext4 (features "project" and "quota", mounted with prjquota) and XFS
// (mounted with prjquota). quotactl_fd(2), Linux 5.14; ioctl_fssetxattr, FS_XFLAG_PROJINHERIT.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

// Empty directories of one file system, which share the limit. `owner` names them: the same owner
// gets the same id wherever that is free. kUnsupported: that file system has no such quotas.
Result<> LimitTrees(std::span<const std::string> directories, std::string_view owner,
                    int64_t bytes);
// Lifts the limit of a tree that is about to go. No limit is success.
void LiftLimit(const std::string& directory);

}  // namespace hoy::core
