#include "core/sys/project_quota.h"

#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr int kProjectQuota = 2;  // PRJQUOTA, linux/quota.h
constexpr int64_t kBlock = 1024;  // QIF_DQBLKSIZE
// Ids that people and other programs number theirs with are small.
constexpr uint32_t kFirstId = 1U << 20;
constexpr uint32_t kIds = 1U << 30;
constexpr int kAttempts = 16;

// With the id of a project alone.
int QuotaControl(BorrowedFd directory, int command, uint32_t id, dqblk& quota) {
  return static_cast<int>(syscall(SYS_quotactl_fd, directory.get(), QCMD(command, kProjectQuota),
                                  static_cast<int>(id), &quota));
}

Error NoQuotas(int error) {
  if (error == ENOSYS) {
    return MakeError(ErrorKind::kUnsupported, "this kernel cannot set a quota by directory")
        .WithHint("a limit wants Linux 5.14 or later (quotactl_fd)");
  }
  bool forbidden = error == EPERM || error == EACCES;
  return MakeError(forbidden ? ErrorKind::kPermission : ErrorKind::kUnsupported,
                   fmt::format("its file system has no project quotas{}",
                               forbidden ? " that we may set" : ""))
      .WithHint("a limit wants ext4 (mkfs.ext4 -O project,quota) or XFS, mounted with prjquota");
}

// From the owner's name on, the first that has neither a limit nor a file.
Result<uint32_t> ChooseId(BorrowedFd directory, std::string_view owner) {
  uint32_t hash = 2166136261;  // FNV-1a
  for (char byte : owner) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619;
  for (uint32_t attempt = 0; attempt < kAttempts; ++attempt) {
    uint32_t id = kFirstId + (hash + attempt) % kIds;
    dqblk quota{};
    if (QuotaControl(directory, Q_GETQUOTA, id, quota) != 0) {
      if (errno == ENOENT) return id;  // XFS: nothing is known of it
      return Fail(NoQuotas(errno));
    }
    if (quota.dqb_bhardlimit == 0 && quota.dqb_curspace == 0) return id;
  }
  return Fail(ErrorKind::kConflict, "no project id is free");
}

Result<> SetLimit(BorrowedFd directory, uint32_t id, int64_t bytes) {
  dqblk quota{};
  quota.dqb_bhardlimit = static_cast<uint64_t>((bytes + kBlock - 1) / kBlock);
  quota.dqb_bsoftlimit = quota.dqb_bhardlimit;
  quota.dqb_valid = QIF_BLIMITS;
  if (QuotaControl(directory, Q_SETQUOTA, id, quota) == 0) return {};
  return Fail(NoQuotas(errno));
}

}  // namespace

Result<> LimitTrees(std::span<const std::string> directories, std::string_view owner,
                    int64_t bytes) {
  uint32_t id = 0;
  for (const std::string& path : directories) {
    TRY(Fd directory, OpenDirectory(path));
    if (id == 0) {
      TRY(id, ChooseId(directory, owner));
      TRY(SetLimit(directory, id, bytes));
    }
    fsxattr attributes{};
    if (ioctl(directory.get(), FS_IOC_FSGETXATTR, &attributes) != 0) {
      return Fail(NoQuotas(errno));
    }
    attributes.fsx_projid = id;
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    if (ioctl(directory.get(), FS_IOC_FSSETXATTR, &attributes) != 0) {
      int error = errno;
      (void)SetLimit(directory, id, 0);
      return Fail(NoQuotas(error));
    }
  }
  return {};
}

void LiftLimit(const std::string& directory) {
  auto opened = OpenDirectory(directory);
  fsxattr attributes{};
  if (!opened || ioctl(opened->get(), FS_IOC_FSGETXATTR, &attributes) != 0) return;
  bool is_ours = attributes.fsx_projid >= kFirstId && attributes.fsx_projid < kFirstId + kIds;
  if (is_ours) (void)SetLimit(*opened, attributes.fsx_projid, 0);
}

}  // namespace hoy::core
