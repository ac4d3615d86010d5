#include "core/engine/volumes.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "core/base/fail_point.h"
#include "core/engine/lifecycle.h"
#include "core/engine/made_root.h"
#include "core/engine/remote_volumes.h"
#include "core/engine/resolve.h"
#include "core/engine/root_plan.h"
#include "core/rootfs/mount_points.h"
#include "core/state/event_log.h"
#include "core/state/name_generator.h"
#include "core/state/s3_volume.h"
#include "core/sys/copy_tree.h"
#include "core/sys/in_root.h"

namespace hoy::core {
namespace {

constexpr const char* kFill = ".fill";
constexpr const char* kData = "_data";

// In the order in which they are locked. A volume may be mounted at several places.
template <typename Config>
auto VolumeMounts(Config& config) {
  std::vector<decltype(&config.mounts.front())> mounts;
  for (auto& mount : config.mounts) {
    if (mount.volume) mounts.push_back(&mount);
  }
  std::ranges::stable_sort(mounts, {}, [](const auto* mount) { return mount->volume->name; });
  return mounts;
}

bool IsEmpty(const std::string& directory) {
  auto names = ListDirectory(directory);
  return names && names->empty();
}

// A container has it, or is about to: one that is up or starting.
Result<bool> IsVolumeMounted(const Layout& layout, std::string_view name) {
  TRY(VolumeUsers users, FindUsersOfVolume(layout, name));
  auto found = users.by_volume.find(name);
  if (found == users.by_volume.end()) return false;
  for (const VolumeUser& user : found->second) {
    auto lock = ContainerLock::TryAcquire(layout, user.id);
    if (!lock && lock.error().kind == ErrorKind::kNotFound) continue;
    if (!lock || !*lock) return true;
    auto status = Observe(layout, user.id, **lock);
    if (!status || !status->IsDown()) return true;
  }
  return false;
}

Result<> CheckSyncInterval(const ContainerConfig& config) {
  if (config.sync_interval_ns == 0 || !RemoteVolumesOf(config).empty()) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "--sync-interval: the container has no S3 volume with mode=sync");
}

class Preparation {
 public:
  Preparation(const Layout& layout, ContainerConfig& config) : layout_(layout), config_(config) {}

  Result<std::vector<VolumeLock>> Run() {
    std::string locked;
    for (Mount* mount : VolumeMounts(config_)) {
      const std::string& name = mount->volume->name;
      if (name != locked) {
        TRY_CONTEXT(MakeAndLock(*mount->volume), "volume '{}'", name);
        locked = name;
      }
      TRY_CONTEXT(Complete(*mount), "volume '{}'", name);
    }
    TRY(CheckSyncInterval(config_));
    return std::move(locks_);
  }

 private:
  Durability durability(const VolumeUse& use) const {
    return use.anonymous && config_.auto_remove ? Durability::kVolatile : Durability::kDurable;
  }

  Result<> MakeAndLock(const VolumeUse& use) {
    VolumeRecord record{.name = use.name, .labels = use.labels, .options = use.options};
    record.secrets = use.secrets;
    if (use.anonymous) record.labels.emplace_back(kAnonymousLabel, "");
    Mount probe;
    TRY(ApplyVolumeOptions(use.options, VolumeData(layout_, use.name), probe));
    constexpr int kTries = 20;
    for (int attempt = 1;; ++attempt) {
      record.created = Now();
      TRY(CreateVolume(layout_, record, durability(use)));
      auto lock = VolumeLock::Acquire(layout_, use.name, LockMode::kShared);
      if (lock) {
        TRY(lock->CheckData());
        locks_.push_back(*std::move(lock));
        return {};
      }
      // Somebody took it away between the two.
      if (lock.error().kind != ErrorKind::kNotFound || attempt == kTries) {
        return Fail(std::move(lock).error());
      }
    }
  }

  Result<> Complete(Mount& mount) {
    TRY(VolumeRecord record, ReadVolume(layout_, mount.volume->name));
    if (!mount.volume->options.empty() && !HaveSameFiles(record.options, mount.volume->options)) {
      return Fail(ErrorKind::kAlreadyExists, "it exists with other options");
    }
    if (!mount.volume->secrets.empty()) TRY(KeepSecrets(*mount.volume));
    TRY(ApplyVolumeOptions(record.options, VolumeData(layout_, record.name), mount));
    mount.volume->remote = IsS3Volume(record.options) && mount.kind != MountKind::kFilesystem;
    if (mount.volume->remote) TRY(TakeSyncInterval(record, *mount.volume));
    if (!mount.volume->subpath.empty() && mount.kind == MountKind::kTmpfs) {
      return Fail(ErrorKind::kInvalidArgument, "a part of it cannot be mounted: it begins empty");
    }
    if (mount.kind == MountKind::kFilesystem && (!mount.volume->subpath.empty() || mount.owned)) {
      return Fail(ErrorKind::kUnsupported, "it is mounted whole, and its files keep their owners");
    }
    if (!record.options.empty() || mount.volume->no_copy || !mount.volume->subpath.empty())
      return {};
    return FillFromImage(mount);
  }

  // The volume's own, where neither the container nor the mount has said anything.
  Result<> TakeSyncInterval(const VolumeRecord& record, const VolumeUse& use) {
    if (use.sync_interval_ns) return {};
    TRY(S3Options options, ParseS3Options(record.options));
    int64_t own = options.sync_interval_ns;
    int64_t& all = config_.sync_interval_ns;
    if (own > 0) all = all == 0 ? own : std::min(all, own);
    return {};
  }

  // The newest keys count.
  Result<> KeepSecrets(const VolumeUse& use) {
    TRY(StringPairs kept, ReadS3Secrets(S3CredentialsPath(layout_, use.name)));
    return kept == use.secrets ? Result<>{} : WriteS3Secrets(layout_, use.name, use.secrets);
  }

  Result<> FillFromImage(const Mount& mount) {
    if (!IsEmpty(mount.source)) return {};
    TRY(bool has_content, ImageHasDirectory(mount.target));
    if (!has_content) return {};
    // From shared to exclusive: others get their turn in between, and may fill or remove it.
    locks_.pop_back();
    auto lock = VolumeLock::Acquire(layout_, mount.volume->name, LockMode::kExclusive);
    if (!lock && lock.error().kind == ErrorKind::kNotFound) {
      TRY(MakeAndLock(*mount.volume));
      return FillFromImage(mount);
    }
    if (!lock) return Fail(std::move(lock).error());
    locks_.push_back(*std::move(lock));
    if (!IsEmpty(mount.source)) return {};
    // Nobody may put another directory in place of one that is mounted.
    TRY(bool mounted, IsVolumeMounted(layout_, mount.volume->name));
    if (mounted) return {};
    return Fill(mount);
  }

  Result<bool> ImageHasDirectory(const std::string& target) {
    if (!image_) {
      auto opened = OpenImageLayers(layout_, config_);
      if (!opened) return false;  // the start says what is wrong with the layers
      image_.emplace(*std::move(opened));
    }
    auto found = image_->Find(target);
    return found && S_ISDIR(found->status.st_mode) && found->parent >= 0;
  }

  // Beside the volume's files first, and then in their place as one step.
  Result<> Fill(const Mount& mount) {
    TRY(PrepareMountPoints(layout_));
    TRY(MadeRoot image,
        MadeRoot::Make(BuildImagePlan(layout_, config_).Serialize(), "root of the image"));
    TRY(Fd source, OpenInRoot(image.root(), mount.target, O_RDONLY | O_DIRECTORY));
    BorrowedFd volume = locks_.back().directory();
    TRY(RemoveTreeAt(volume, kFill));
    FailPoint("volume-filling");
    auto copied = CopyTree(source, ".", volume, kFill, {.archive = true, .cancelled = {}});
    if (!copied) {
      (void)RemoveTreeAt(volume, kFill);
      return Fail(std::move(copied).error().InContext("fill it from the image"));
    }
    FailPoint("volume-filled");
    bool durable = durability(*mount.volume) == Durability::kDurable;
    if (durable && syncfs(volume.get()) != 0) return FailErrno("sync", mount.source);
    if (renameat(volume.get(), kFill, volume.get(), kData) != 0) {
      int error = errno;
      (void)RemoveTreeAt(volume, kFill);
      if (error == ENOTEMPTY || error == EEXIST) return {};
      return FailErrno("publish", mount.source, error);
    }
    FailPoint("volume-published");
    return durable ? SyncDirectory(VolumeDirectory(layout_, mount.volume->name)) : Result<>{};
  }

  const Layout& layout_;
  ContainerConfig& config_;
  std::vector<VolumeLock> locks_;
  std::optional<LayeredRoot> image_;
};

}  // namespace

void LocateVolumes(const Layout& layout, ContainerConfig& config) {
  for (Mount* mount : VolumeMounts(config)) mount->source = VolumeData(layout, mount->volume->name);
}

Result<std::vector<VolumeLock>> PrepareVolumes(const Layout& layout, ContainerConfig& config) {
  bool any = false;
  for (Mount& mount : config.mounts) {
    if (!mount.volume) continue;
    any = true;
    if (mount.volume->name.empty()) mount.volume->name = RandomContainerId();
  }
  if (!any) {
    TRY(CheckSyncInterval(config));
    return std::vector<VolumeLock>();
  }
  // What it has locked is free again before anything is removed: the locks went with it.
  auto locks = Preparation(layout, config).Run();
  if (!locks) RemoveAnonymousVolumes(layout, config);
  return locks;
}

void RemoveUnfetchedVolumes(const Layout& layout, const ContainerRecord& record) {
  for (const std::string& name : RemoteVolumesOf(record.config)) {
    auto volume = ReadVolume(layout, name);
    if (!volume || volume->created < record.created) continue;
    auto options = ParseS3Options(volume->options);
    if (!options || name != S3VolumeName(*options)) continue;
    std::string directory = S3Directory(layout, name);
    bool has_any = Exists(directory + "/manifest.json") || !IsEmpty(VolumeData(layout, name)) ||
                   (Exists(directory + "/temp") && !IsEmpty(directory + "/temp"));
    if (!has_any) (void)RemoveVolume(layout, name);
  }
}

Result<std::vector<VolumeLock>> HoldVolumes(const Layout& layout, const ContainerConfig& config,
                                            FilesAccess access) {
  std::vector<VolumeLock> locks;
  for (const Mount* mount : VolumeMounts(config)) {
    auto lock = VolumeLock::Acquire(layout, mount->volume->name, LockMode::kShared);
    if (lock) {
      TRY_CONTEXT(lock->CheckData(), "volume '{}'", mount->volume->name);
      if (mount->volume->remote && access == FilesAccess::kWrite) {
        TRY(MarkS3Pending(layout, mount->volume->name));
      }
      locks.push_back(*std::move(lock));
    } else if (lock.error().kind == ErrorKind::kNotFound) {
      return Fail(MakeError(ErrorKind::kNotFound,
                            fmt::format("volume '{}' is missing", mount->volume->name))
                      .WithHint(fmt::format("hoy volume create {} makes an empty one",
                                            mount->volume->name)));
    } else {
      return Fail(std::move(lock).error());
    }
  }
  return locks;
}

void RecordMounts(const Layout& layout, const ContainerRecord& record) {
  for (const Mount* mount : VolumeMounts(record.config)) {
    bool writable = (mount->flags & MS_RDONLY) == 0;
    RecordEvent(layout, {.type = "volume",
                         .action = "mount",
                         .id = mount->volume->name,
                         .attributes = {{"container", record.id},
                                        {"destination", mount->target},
                                        {"driver", "local"},
                                        {"propagation", ""},
                                        {"read/write", writable ? "true" : "false"}}});
  }
}

void RecordUnmounts(const Layout& layout, const ContainerRecord& record) {
  for (const Mount* mount : VolumeMounts(record.config)) {
    RecordEvent(layout, {.type = "volume",
                         .action = "unmount",
                         .id = mount->volume->name,
                         .attributes = {{"container", record.id}, {"driver", "local"}}});
  }
}

}  // namespace hoy::core
