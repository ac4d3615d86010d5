#include "cli/ops/container_mounts.h"

#include <sys/mount.h>

#include <algorithm>

#include "cli/ops/mount_options.h"
#include "core/base/text.h"
#include "core/rootfs/default_mounts.h"

namespace hoy::cli {
namespace {

using core::Mount;
using core::MountKind;

class MountList {
 public:
  MountList(const RunOptions& options, const HostFacts& host) : options_(options), host_(host) {}

  Result<> AddOptions() {
    for (const std::string& text : options_.volume) {
      TRY(Mount mount, ParseVolume(text, host_.cwd));
      TRY(Add(std::move(mount), "-v", text));
    }
    for (const std::string& text : options_.mount) {
      TRY(Mount mount, ParseMount(text, host_.cwd));
      if (IsGlob(text)) {
        TRY(AddGlob(mount, text));
      } else {
        TRY(Add(std::move(mount), "--mount", text));
      }
    }
    for (const std::string& text : options_.tmpfs) {
      TRY(Mount mount, ParseTmpfs(text));
      TRY(Add(std::move(mount), "--tmpfs", text));
    }
    return {};
  }

  // A vendor's files, where the user mounts nothing.
  Result<> AddCdi() {
    for (const CdiMount& item : host_.cdi.mounts) {
      TRY(Mount mount, ToMount(item));
      if (IsTaken(mount.target)) continue;
      mount.source_is_directory = host_.sources.at(mount.source);
      mounts_.push_back(std::move(mount));
    }
    return {};
  }

  Result<> AddInherited() {
    for (const std::string& text : options_.volumes_from) {
      TRY(VolumesFrom from, ParseVolumesFrom(text));
      for (Mount mount : host_.mounts_of.at(text)) {
        if (IsTaken(mount.target)) continue;
        mount.by_mount_option = false;
        if (from.read_only) {
          mount.flags |= MS_RDONLY;
          mount.recursive_readonly = mount.recursive;
        }
        if (from.no_copy && mount.volume) mount.volume->no_copy = true;
        mounts_.push_back(std::move(mount));
      }
    }
    return {};
  }

  void AddImageVolumes(const std::vector<std::string>& volumes,
                       std::vector<std::string>& warnings) {
    for (const std::string& declared : volumes) {
      std::string target = CleanPath(declared);
      if (IsReserved(target)) {
        warnings.push_back(
            fmt::format("the image declares a volume at '{}', which it does not get", target));
      } else if (!IsTaken(target)) {
        mounts_.push_back({.kind = MountKind::kBind,
                           .target = std::move(target),
                           .from_user = true,
                           .volume = core::VolumeUse{.anonymous = true}});
      }
    }
  }

  void AddReadOnlyTmpfs() {
    for (const char* target : {"/run", "/tmp", "/var/tmp"}) {
      if (IsTaken(target)) continue;
      mounts_.push_back({.kind = MountKind::kTmpfs,
                         .source = "tmpfs",
                         .target = target,
                         .flags = MS_NOSUID | MS_NODEV,
                         .data = std::string(target) == "/run" ? "mode=755" : "mode=1777",
                         .from_user = true});
    }
  }

  // What is named by somebody hides the default at and below its place.
  std::vector<Mount> WithDefaults(std::vector<Mount> defaults) && {
    // A mount must come after the one it lies on.
    std::ranges::stable_sort(
        mounts_, {}, [](const Mount& mount) { return std::ranges::count(mount.target, '/'); });
    std::erase_if(defaults, [&](const Mount& mount) {
      return std::ranges::any_of(mounts_, [&](const Mount& own) {
        return mount.target == own.target || mount.target.starts_with(own.target + "/");
      });
    });
    mounts_.insert(mounts_.begin(), defaults.begin(), defaults.end());
    return std::move(mounts_);
  }

 private:
  bool IsTaken(std::string_view target) const {
    return std::ranges::any_of(mounts_, [&](const Mount& mount) { return mount.target == target; });
  }

  // An image has no say in what the kernel's own file systems show.
  static bool IsReserved(const std::string& target) {
    if (target == "/") return true;
    return std::ranges::any_of(std::initializer_list<std::string_view>{"/proc", "/sys", "/dev"},
                               [&](std::string_view taken) {
                                 return target == taken ||
                                        target.starts_with(std::string(taken) + "/");
                               });
  }

  Result<> AddGlob(const Mount& pattern, const std::string& text) {
    for (const std::string& path : host_.globs.at(text)) {
      Mount mount = pattern;
      mount.source = path;
      mount.target =
          pattern.target.empty() ? path : CleanPath(pattern.target + path.substr(path.rfind('/')));
      TRY(Add(std::move(mount), "--mount", text));
    }
    return {};
  }

  // As runc 1.1.5, but that the host's procfs goes by its path: over /proc only that, and in it
  // only what tells of the machine. Else hoy would write to, or mask, what is no procfs.
  static bool MayGoToProc(const Mount& mount) {
    constexpr std::string_view kProc = "/proc";
    constexpr std::string_view kReplaceable[] = {
        "cpuinfo",  "diskstats", "loadavg", "meminfo", "net/dev",
        "slabinfo", "stat",      "swaps",   "uptime",  "sys/kernel/ns_last_pid"};
    std::string_view target = mount.target;
    if (target == kProc) return mount.kind == MountKind::kBind && mount.source == kProc;
    if (!target.starts_with("/proc/")) return true;
    target.remove_prefix(kProc.size() + 1);
    return std::ranges::find(kReplaceable, target) != std::end(kReplaceable);
  }

  Result<> Add(Mount mount, std::string_view flag, std::string_view text) {
    if (!MayGoToProc(mount)) {
      return Fail(
          MakeError(ErrorKind::kInvalidArgument,
                    fmt::format("{} '{}': /proc is the kernel's", flag, text))
              .WithHint(
                  "of it only files like /proc/meminfo can be replaced, or all by -v /proc:/proc"));
    }
    if (IsTaken(mount.target)) {
      return Fail(ErrorKind::kInvalidArgument, "{} '{}': something is mounted on '{}' already",
                  flag, text, mount.target);
    }
    if (mount.kind == MountKind::kBind && !mount.volume && !mount.image) {
      mount.source_is_directory = host_.sources.at(mount.source);
    }
    mount.by_mount_option = flag == "--mount";
    if (!mount.by_mount_option) mount.mode = LastOptions(text, flag == "-v" ? 2 : 1);
    mounts_.push_back(std::move(mount));
    return {};
  }

  // What comes behind so many colons.
  static std::string LastOptions(std::string_view text, size_t colons) {
    auto fields = Split(text, ':');
    return fields.size() > colons ? std::string(fields[colons]) : "";
  }

  const RunOptions& options_;
  const HostFacts& host_;
  std::vector<Mount> mounts_;
};

}  // namespace

Result<std::vector<Mount>> BuildMounts(const RunOptions& options,
                                       const std::vector<std::string>& image_volumes,
                                       const HostFacts& host, int64_t shm_size,
                                       std::vector<std::string>& warnings) {
  MountList list(options, host);
  TRY(list.AddOptions());
  TRY(list.AddCdi());
  TRY(list.AddInherited());
  list.AddImageVolumes(image_volumes, warnings);
  if (options.read_only && options.read_only_tmpfs) list.AddReadOnlyTmpfs();
  bool host_shm =
      options.ipc == "host" && host.sources.contains("/dev/shm") && host.sources.at("/dev/shm");
  return std::move(list).WithDefaults(
      core::DefaultMounts({.shm_size = shm_size,
                           .writable_kernel = options.privileged,
                           .shm = options.ipc != "none",
                           .host_shm = host_shm,
                           .joined_shm = options.ipc.starts_with("container:")}));
}

}  // namespace hoy::cli
