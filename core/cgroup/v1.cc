// cgroup v1: one hierarchy per controller, or per few of them (cpu,cpuacct). Kernel
// Documentation/admin-guide/cgroup-v1/.

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "core/base/rollback.h"
#include "core/base/text.h"
#include "core/cgroup/apply.h"
#include "core/cgroup/driver.h"
#include "core/cgroup/tree.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using std::chrono::milliseconds;

// cpuset is not among them: where no limit names it, the container stays in its maker's.
constexpr std::array<std::string_view, 7> kUsedControllers = {
    "memory", "cpu", "cpuacct", "pids", "blkio", "devices", "freezer"};

// As runc: a kernel that cannot freeze a process in this time (a hung file system) is reported.
constexpr milliseconds kFreezePatience(10'000);

bool IsUsed(const CgroupHierarchy& hierarchy, bool cpuset) {
  if (hierarchy.name.empty() || hierarchy.name.starts_with("name=")) {
    // systemd's: only where a unit owns us, which must not take the container with it.
    return !hierarchy.own.empty() && (hierarchy.name.empty() || hierarchy.Has("name=systemd"));
  }
  if (hierarchy.Has("cpuset") && cpuset) return true;
  return std::ranges::any_of(kUsedControllers,
                             [&](std::string_view name) { return hierarchy.Has(name); });
}

std::string BaseOf(const CgroupHierarchy& hierarchy) {
  return IsManagedBySystemd(hierarchy.own) ? "" : hierarchy.own;
}

// A cpuset without CPUs or memory nodes takes no process; a new one is empty unless its parent has
// cgroup.clone_children (cgroup-v1/cpusets.rst).
Result<> InheritCpuset(const std::string& directory) {
  std::string parent = ParentOf(directory);
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    TRY(std::string own, ReadFile(directory + file));
    if (!Trim(own).empty()) continue;
    TRY(std::string inherited, ReadFile(parent + file));
    TRY(WriteControlFile(directory + file, Trim(inherited)));
  }
  return {};
}

// Not writable here, as opposed to broken.
bool IsRefusal(const Error& error) {
  switch (error.system_errno) {
    case EROFS:
    case EACCES:
    case EPERM:
    case ENOENT: return true;
    default: return false;
  }
}

Result<> WriteDeviceRules(const std::string& directory, const CgroupRequest& request) {
  TRY(WriteControlFile(directory + "/devices.deny", "a"));
  TRY(Fd allow, OpenAt(kCwd, directory + "/devices.allow", O_WRONLY));
  for (const DeviceRule& rule : EffectiveDeviceRules(request.devices)) {
    for (const std::string& line : FormatDeviceRule(rule)) {
      auto written = rule.allow ? WriteAll(allow, line, directory + "/devices.allow")
                                : WriteControlFile(directory + "/devices.deny", line);
      if (written) continue;
      if (written.error().system_errno != EPERM) return written;
      // hoy's own cgroup has not got this device. A default is then not to be had either.
      if (std::ranges::find(DefaultDeviceRules(), rule) != DefaultDeviceRules().end()) continue;
      return Fail(std::move(written)
                      .error()
                      .WithKind(ErrorKind::kPermission)
                      .InContext(fmt::format("device rule '{}'", line))
                      .WithHint("hoy runs in a devices cgroup that does not allow this itself"));
    }
  }
  return {};
}

class CgroupV1Driver : public CgroupDriver {
 public:
  Result<MadeCgroup> Create(const CgroupHost& host, const CgroupRequest& request) override {
    TRY(auto limits, PlanLimitsV1(request.limits));
    bool cpuset = std::ranges::any_of(
        limits, [](const LimitWrite& write) { return write.controller == "cpuset"; });
    MadeCgroup made;
    made.location.version = CgroupVersion::kV1;
    Rollback rollback;
    std::string refusal;
    for (const CgroupHierarchy& hierarchy : host.hierarchies) {
      if (!IsUsed(hierarchy, cpuset)) continue;
      auto directory = MakeDirectory(hierarchy, request, rollback);
      if (directory) {
        made.location.directories.emplace_back(hierarchy.name, std::move(*directory));
      } else if (IsRefusal(directory.error())) {
        refusal = directory.error().message;
      } else {
        return Fail(std::move(directory).error());
      }
    }
    for (const LimitWrite& write : limits) {
      std::string directory = made.location.Directory(write.controller);
      if (!directory.empty()) {
        TRY(WriteLimit(directory, write));
      } else if (write.required) {
        return Fail(MissingController(host, write, refusal));
      }
    }
    std::string devices = made.location.Directory("devices");
    made.devices_enforced = request.all_devices || !devices.empty();
    if (!request.all_devices && !devices.empty()) TRY(WriteDeviceRules(devices, request));
    if (made.location.directories.empty()) {
      made.location.version = CgroupVersion::kNone;
      made.none_reason = refusal.empty() ? "no usable cgroup hierarchy is mounted" : refusal;
    }
    rollback.Commit();
    return made;
  }

  Result<> Update(const CgroupLocation& location, const ResourceLimits& before,
                  const ResourceLimits& after) override {
    TRY(auto old_writes, PlanLimitsV1(before));
    TRY(auto new_writes, PlanLimitsV1(after));
    auto writes = ChangedWrites(old_writes, new_writes);
    auto memory = std::ranges::find(writes, "memory.limit_in_bytes", &LimitWrite::file);
    auto swap = std::ranges::find(writes, "memory.memsw.limit_in_bytes", &LimitWrite::file);
    if (memory != writes.end() && swap != writes.end()) {
      // The sum may never be below memory alone: the one that makes room goes first.
      auto old = ReadCgroupNumber(location.Directory("memory") + "/memory.memsw.limit_in_bytes");
      auto wanted = ParseInteger<uint64_t>(memory->value);
      if (old && wanted && *wanted > *old) std::iter_swap(memory, swap);
    }
    std::vector<PlacedWrite> placed;
    for (LimitWrite& write : writes) {
      std::string directory = location.Directory(write.controller);
      if (!directory.empty()) {
        placed.push_back({std::move(directory), std::move(write)});
      } else if (write.required) {
        return Fail(
            MakeError(ErrorKind::kUnsupported, fmt::format("{}: the container has no {} cgroup",
                                                           write.flag, write.controller))
                .WithHint("create the container again with this limit"));
      }
    }
    return ApplyWrites(placed);
  }

  Result<> AddCpuset(CgroupLocation& location, std::string_view id) override {
    TRY(std::vector<pid_t> processes, Processes(location));
    CgroupHost host = FullCgroupHost();
    for (pid_t pid : processes) {
      CgroupHost seen = CgroupHostOf(pid);
      if (seen.version != CgroupVersion::kV1) continue;  // it has just ended
      host = std::move(seen);
      break;
    }
    const CgroupHierarchy* hierarchy = host.Find("cpuset");
    if (hierarchy == nullptr) {
      return Fail(ErrorKind::kUnsupported, "the cpuset cgroup controller is not mounted");
    }
    // Below the one that its processes are in: what bounds them now goes on to do so.
    Rollback rollback;
    auto made = [](const std::string&) { return Result<>(); };
    auto directory = MakeContainerCgroup(hierarchy->mountpoint, hierarchy->own, id, made);
    if (!directory && IsRefusal(directory.error())) {
      return Fail(std::move(directory).error().WithKind(ErrorKind::kUnsupported));
    }
    if (!directory) return Fail(std::move(directory).error());
    rollback.Add([directory] { (void)RemoveCgroup(*directory, milliseconds(0), WaitABit); });
    TRY(InheritCpuset(*directory));
    rollback.Commit();
    location.directories.emplace_back(hierarchy->name, *std::move(directory));
    return {};
  }

  Result<> FillCpuset(const CgroupLocation& location) override {
    return MoveAll(location, location.Directory("cpuset"));
  }

  Result<> DropCpuset(CgroupLocation& location) override {
    std::string directory = location.Directory("cpuset");
    std::erase_if(location.directories,
                  [&](const auto& entry) { return entry.second == directory; });
    TRY(MoveAll(location, ParentOf(directory)));
    return RemoveCgroup(directory, milliseconds(1000), WaitABit);
  }

  Result<> Freeze(const CgroupLocation& location) override { return SetFrozen(location, true); }
  Result<> Thaw(const CgroupLocation& location) override { return SetFrozen(location, false); }

  Result<> Kill(const CgroupLocation& location) override {
    if (location.directories.empty()) return {};
    std::string directory = AnyDirectory(location);
    if (!Exists(directory)) return {};
    if (!location.Directory("freezer").empty()) {
      // Frozen processes cannot fork away. One that does not freeze is killed all the same.
      auto frozen = Freeze(location);
      auto killed = KillProcessesInCgroup(directory);
      TRY(Thaw(location));
      TRY(size_t count, std::move(killed));
      if (count == 0 || frozen) return {};
    }
    // New ones may be forked while we signal: until a round finds nobody new to signal.
    constexpr int kRounds = 100;
    for (int round = 0; round < kRounds; ++round) {
      TRY(size_t count, KillProcessesInCgroup(directory));
      if (count == 0) return {};
      WaitABit(directory, milliseconds(1));
    }
    return Fail(ErrorKind::kConflict, "kill '{}': processes go on appearing", directory);
  }

  Result<> Remove(const CgroupLocation& location, int patience_ms) override {
    Result<> first;
    // For all of them together: they hold the same processes.
    auto deadline = std::chrono::steady_clock::now() + milliseconds(patience_ms);
    for (const auto& [name, directory] : location.directories) {
      auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      auto removed = RemoveCgroup(directory, std::max(left, milliseconds(0)), WaitABit);
      if (removed) RemoveMarkedCgroups(ParentOf(directory));
      if (!removed && first) first = std::move(removed);
    }
    return first;
  }

  Result<std::vector<pid_t>> Processes(const CgroupLocation& location) override {
    if (location.directories.empty()) return std::vector<pid_t>{};
    return ProcessesInCgroup(AnyDirectory(location));
  }

 private:
  // Makes the container's directory in one hierarchy and what it needs above it.
  static Result<std::string> MakeDirectory(const CgroupHierarchy& hierarchy,
                                           const CgroupRequest& request, Rollback& rollback) {
    std::string path = BaseOf(hierarchy);
    if (!request.parent.empty()) {
      TRY(path, ResolveCgroupParent(request.parent, path));
    }
    bool cpuset = hierarchy.Has("cpuset");
    auto made_parent = [&](const std::string& parent) -> Result<> {
      rollback.Add([parent] { RemoveMarkedCgroups(parent); });
      return cpuset ? InheritCpuset(parent) : Result<>();
    };
    TRY(std::string directory,
        MakeContainerCgroup(hierarchy.mountpoint, path, request.id, made_parent));
    rollback.Add([directory] { (void)RemoveCgroup(directory, milliseconds(0), WaitABit); });
    if (cpuset) TRY(InheritCpuset(directory));
    return directory;
  }

  // All of the container's, also those that are forked meanwhile, to a directory of another
  // hierarchy.
  static Result<> MoveAll(const CgroupLocation& location, const std::string& directory) {
    constexpr int kRounds = 100;
    for (int round = 0; round < kRounds; ++round) {
      TRY(std::vector<pid_t> processes, ProcessesInCgroup(AnyDirectory(location)));
      TRY(std::vector<pid_t> there, ProcessesInCgroup(directory));
      size_t moved = 0;
      for (pid_t pid : processes) {
        if (std::ranges::find(there, pid) != there.end()) continue;
        ++moved;
        auto written = WriteControlFile(directory + "/cgroup.procs", std::to_string(pid));
        if (!written && written.error().system_errno != ESRCH) return written;  // it has ended
      }
      if (moved == 0) return {};
    }
    return Fail(ErrorKind::kConflict, "'{}': processes go on appearing", directory);
  }

  static Error MissingController(const CgroupHost& host, const LimitWrite& write,
                                 const std::string& refusal) {
    bool mounted = host.Find(write.controller) != nullptr;
    return MakeError(ErrorKind::kUnsupported,
                     mounted ? fmt::format("{}: the {} cgroup controller cannot be written: {}",
                                           write.flag, write.controller, refusal)
                             : fmt::format("{}: the {} cgroup controller is not mounted",
                                           write.flag, write.controller))
        .WithHint(mounted ? fmt::format("leave out {}, or give hoy write access below {}",
                                        write.flag, host.Find(write.controller)->mountpoint)
                          : fmt::format("leave out {}, or mount it: mount -t cgroup -o {} {} "
                                        "/sys/fs/cgroup/{}",
                                        write.flag, write.controller, write.controller,
                                        write.controller));
  }

  // All hold the same processes; the freezer's is the one that Kill has frozen.
  static std::string AnyDirectory(const CgroupLocation& location) {
    std::string freezer = location.Directory("freezer");
    return freezer.empty() ? location.directories.front().second : freezer;
  }

  static Result<> SetFrozen(const CgroupLocation& location, bool frozen) {
    std::string directory = location.Directory("freezer");
    if (directory.empty()) {
      return Fail(MakeError(ErrorKind::kUnsupported, "the container has no freezer cgroup")
                      .WithHint("pausing needs the freezer controller: mount -t cgroup -o freezer "
                                "freezer /sys/fs/cgroup/freezer"));
    }
    std::string_view wanted = frozen ? "FROZEN" : "THAWED";
    std::string path = directory + "/freezer.state";
    auto deadline = std::chrono::steady_clock::now() + kFreezePatience;
    auto pause = std::chrono::microseconds(50);
    while (true) {
      // Written again each time: a process forked meanwhile is then caught too.
      TRY(WriteControlFile(path, wanted));
      TRY(std::string state, ReadFile(path));
      if (Trim(state) == wanted) return {};
      if (std::chrono::steady_clock::now() > deadline) {
        if (frozen) (void)WriteControlFile(path, "THAWED");
        return Fail(ErrorKind::kTimeout, "'{}' does not become {}", directory, ToLower(wanted));
      }
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, std::chrono::microseconds(10'000));
    }
  }
};

}  // namespace

std::unique_ptr<CgroupDriver> MakeCgroupV1Driver() {
  return std::make_unique<CgroupV1Driver>();
}

}  // namespace hoy::core
