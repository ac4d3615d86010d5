// cgroup v2: one hierarchy. Kernel Documentation/admin-guide/cgroup-v2.rst.

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

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

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFreezePatience(10'000);

// Wanted for what `stats` and the exit report show, where they are to be had.
constexpr std::array<std::string_view, 4> kAccountingControllers = {"cpu", "io", "memory", "pids"};

bool Lists(std::string_view words, std::string_view word) {
  auto all = Split(Trim(words), ' ');
  return std::ranges::find(all, word) != all.end();
}

// Waits until the `populated` or `frozen` line of cgroup.events changes.
void WaitForEvent(const std::string& directory, milliseconds at_most) {
  auto events = OpenAt(kCwd, directory + "/cgroup.events", O_RDONLY);
  if (!events) return;
  // A change between the caller's look and this read would not be signalled: the nap is short.
  (void)ReadAll(*events, directory);
  pollfd wait{events->get(), POLLPRI, 0};
  poll(&wait, 1, static_cast<int>(std::min(at_most, milliseconds(20)).count()));
}

// Whether `error` says that this place is not ours, so that another may be tried.
bool IsRefusal(const Error& error) {
  return error.system_errno == EROFS || error.system_errno == EACCES || error.system_errno == EPERM;
}

// Makes `controllers` available in the children of `directory`. Returns those that are, as in
// cgroup.subtree_control. Failing is no error here: what is missing shows in the result.
std::string EnableControllers(const std::string& directory,
                              const std::vector<std::string_view>& controllers, int* last_errno) {
  std::string path = directory + "/cgroup.subtree_control";
  auto enabled = ReadFile(path);
  if (!enabled) return "";
  std::string all;
  for (std::string_view name : controllers) {
    if (!Lists(*enabled, name)) all += fmt::format("{}+{}", all.empty() ? "" : " ", name);
  }
  if (all.empty()) return *enabled;
  if (!WriteControlFile(path, all)) {
    // One that is missing or busy fails them all: one by one then.
    for (std::string_view change : Split(all, ' ')) {
      auto written = WriteControlFile(path, change);
      if (!written) *last_errno = written.error().system_errno;
    }
  }
  return ReadFile(path).value_or("");
}

Result<> AttachDeviceFilter(BorrowedFd cgroup, const CgroupRequest& request) {
  std::vector<bpf_insn> program = AssembleDeviceFilter(EffectiveDeviceRules(request.devices));
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<uint64_t>(program.data());
  load.insn_cnt = static_cast<uint32_t>(program.size());
  load.license = reinterpret_cast<uint64_t>("Apache-2.0");
  Fd filter(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!filter) return FailErrno("BPF_PROG_LOAD", "device rules");
  // The cgroup keeps the program for as long as it lives.
  bpf_attr attach{};
  attach.target_fd = static_cast<uint32_t>(cgroup.get());
  attach.attach_bpf_fd = static_cast<uint32_t>(filter.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0) {
    return FailErrno("BPF_PROG_ATTACH", "device rules");
  }
  return {};
}

class CgroupV2Driver : public CgroupDriver {
 public:
  explicit CgroupV2Driver(CgroupV2Options options) : options_(options) {}

  Result<MadeCgroup> Create(const CgroupHost& host, const CgroupRequest& request) override {
    TRY(auto limits, PlanLimitsV2(request.limits));
    const CgroupHierarchy& detected = *host.Unified();
    auto made = CreateBelow(detected.mountpoint, "", request, limits);
    if (made || !IsRefusal(made.error())) return made;
    // Not root of the tree: what was delegated to us begins at our own cgroup.
    CgroupHost full = FullCgroupHost();
    const CgroupHierarchy* own = full.Unified();
    if (own != nullptr && !own->own.empty()) {
      made = CreateBelow(own->mountpoint, own->own, request, limits);
      if (made || !IsRefusal(made.error())) return made;
    }
    auto required = std::ranges::find(limits, true, &LimitWrite::required);
    if (required != limits.end()) {
      return Fail(MakeError(ErrorKind::kUnsupported,
                            fmt::format("{}: the {} cgroup controller cannot be written: {}",
                                        required->flag, required->controller, made.error().message))
                      .WithHint(fmt::format("leave out {}, or run hoy in a delegated cgroup "
                                            "(systemd-run --user --scope -p Delegate=yes hoy ...)",
                                            required->flag)));
    }
    MadeCgroup none;
    none.none_reason = made.error().message;
    return none;
  }

  Result<> Update(const CgroupLocation& location, const ResourceLimits& before,
                  const ResourceLimits& after) override {
    TRY(auto old_writes, PlanLimitsV2(before));
    TRY(auto new_writes, PlanLimitsV2(after));
    std::string directory = Directory(location);
    std::vector<PlacedWrite> placed;
    for (LimitWrite& write : ChangedWrites(old_writes, new_writes)) {
      if (write.file == "memory.max") TRY(CheckMemoryInUse(directory, write));
      if (!Exists(directory + "/" + write.file) && write.controller != "cgroup") {
        // Nobody has asked for this controller yet.
        int code = 0;
        (void)EnableControllers(ParentOf(directory), {write.controller}, &code);
      }
      placed.push_back({directory, std::move(write)});
    }
    return ApplyWrites(placed);
  }

  // Its controllers are all in one directory.
  Result<> AddCpuset(CgroupLocation&, std::string_view) override { return {}; }
  Result<> FillCpuset(const CgroupLocation&) override { return {}; }
  Result<> DropCpuset(CgroupLocation&) override { return {}; }

  Result<> Freeze(const CgroupLocation& location) override { return SetFrozen(location, true); }
  Result<> Thaw(const CgroupLocation& location) override { return SetFrozen(location, false); }

  Result<> Kill(const CgroupLocation& location) override {
    std::string directory = Directory(location);
    if (options_.use_kill_file) {
      auto killed = WriteControlFile(directory + "/cgroup.kill", "1");  // Linux 5.14
      if (killed) return {};
      if (killed.error().system_errno != ENOENT) return killed;
      if (!Exists(directory)) return {};
    }
    // Frozen processes cannot fork away; SIGKILL reaches them as they are.
    auto frozen = Freeze(location);
    auto killed = KillProcessesInCgroup(directory);
    if (frozen) TRY(Thaw(location));
    if (!killed) return Fail(std::move(killed).error());
    return {};
  }

  Result<> Remove(const CgroupLocation& location, int patience_ms) override {
    std::string directory = Directory(location);
    TRY(RemoveCgroup(directory, milliseconds(patience_ms), WaitForEvent));
    RemoveMarkedCgroups(ParentOf(directory));
    return {};
  }

  Result<std::vector<pid_t>> Processes(const CgroupLocation& location) override {
    return ProcessesInCgroup(Directory(location));
  }

 private:
  static std::string Directory(const CgroupLocation& location) {
    return location.directories.front().second;
  }

  static Result<MadeCgroup> CreateBelow(const std::string& mountpoint, const std::string& base,
                                        const CgroupRequest& request,
                                        const std::vector<LimitWrite>& limits) {
    std::string path = base;
    if (!request.parent.empty()) {
      TRY(path, ResolveCgroupParent(request.parent, base));
    }
    std::vector<std::string_view> controllers(kAccountingControllers.begin(),
                                              kAccountingControllers.end());
    for (const LimitWrite& write : limits) {
      if (std::ranges::find(controllers, write.controller) == controllers.end() &&
          write.controller != "cgroup") {
        controllers.push_back(write.controller);
      }
    }
    Rollback rollback;
    TRY(std::string directory,
        MakeContainerCgroup(mountpoint, path, request.id,
                            [&](const std::string& parent) -> Result<> {
                              rollback.Add([parent] { RemoveMarkedCgroups(parent); });
                              return {};
                            }));
    rollback.Add([directory] { (void)RemoveCgroup(directory, milliseconds(0), WaitForEvent); });

    TRY(EnableAlong(mountpoint, path, controllers, limits));
    for (const LimitWrite& write : limits) TRY(WriteLimit(directory, write));

    MadeCgroup made;
    made.location = {CgroupVersion::kV2, {{"", directory}}};
    TRY(made.directory, OpenDirectory(directory));
    made.devices_enforced = true;
    if (!request.all_devices) {
      auto attached = AttachDeviceFilter(made.directory, request);
      // Without the right (or the kernel option) to use BPF, the caller takes CAP_MKNOD away.
      made.devices_enforced = attached.has_value();
      if (!attached && !request.devices.empty() && !IsRefusal(attached.error())) {
        return Fail(std::move(attached).error().InContext("device rules"));
      }
    }
    rollback.Commit();
    return made;
  }

  // A controller reaches the container's cgroup if every directory above passes it on.
  static Result<> EnableAlong(const std::string& mountpoint, const std::string& path,
                              const std::vector<std::string_view>& controllers,
                              const std::vector<LimitWrite>& limits) {
    std::string directory = mountpoint;
    std::vector<std::string> levels = {directory};
    for (std::string_view part : Split(path, '/')) {
      if (part.empty()) continue;
      directory.append("/").append(part);
      levels.push_back(directory);
    }
    for (const std::string& level : levels) {
      int code = 0;
      std::string enabled = EnableControllers(level, controllers, &code);
      for (const LimitWrite& write : limits) {
        if (!write.required || write.controller == "cgroup" || Lists(enabled, write.controller)) {
          continue;
        }
        return Fail(MissingController(level, write, code));
      }
    }
    return {};
  }

  // v1 refuses a limit below what cannot be reclaimed; v2 takes it and kills for it.
  static Result<> CheckMemoryInUse(const std::string& directory, const LimitWrite& write) {
    uint64_t used = ReadCgroupNumber(directory + "/memory.current").value_or(0);
    if (auto text = ReadFile(directory + "/memory.stat")) {
      used -= std::min(used, FlatKeyed(*text, "file"));
    }
    auto wanted = ParseInteger<uint64_t>(write.value);
    if (!wanted || used <= *wanted) return {};
    return Fail(ErrorKind::kConflict, "{} {}: the container uses {} bytes", write.flag, write.value,
                used);
  }

  static Error MissingController(const std::string& directory, const LimitWrite& write, int code) {
    auto available = ReadFile(directory + "/cgroup.controllers");
    bool offered = available && Lists(*available, write.controller);
    std::string hint;
    if (!offered) {
      hint = fmt::format(
          "leave out {}, or boot with cgroup_no_v1=all so that no v1 hierarchy holds the "
          "controller",
          write.flag);
      if (directory.find("/sys/fs/cgroup/") == 0) {
        hint = fmt::format("leave out {}, or have the controller delegated to '{}'", write.flag,
                           directory);
      }
    } else if (code == EBUSY) {
      hint = fmt::format(
          "processes live in '{}' itself: move them to a cgroup below it, or use --cgroup-parent",
          directory);
    } else {
      hint = fmt::format("leave out {}, or give hoy write access to '{}'", write.flag, directory);
    }
    return MakeError(
               ErrorKind::kUnsupported,
               fmt::format("{}: the {} cgroup controller {} '{}'{}", write.flag, write.controller,
                           offered ? "cannot be turned on in" : "is not available in", directory,
                           code == 0 ? "" : fmt::format(": {}", ErrnoText(code))))
        .WithHint(std::move(hint));
  }

  static Result<> SetFrozen(const CgroupLocation& location, bool frozen) {
    std::string directory = Directory(location);
    TRY(WriteControlFile(directory + "/cgroup.freeze", frozen ? "1" : "0"));  // Linux 5.2
    auto deadline = Clock::now() + kFreezePatience;
    while (true) {
      TRY(std::string events, ReadFile(directory + "/cgroup.events"));
      if (FlatKeyed(events, "frozen") == (frozen ? 1U : 0U)) return {};
      auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) {
        if (frozen) (void)WriteControlFile(directory + "/cgroup.freeze", "0");
        return Fail(ErrorKind::kTimeout, "'{}' does not become {}", directory,
                    frozen ? "frozen" : "thawed");
      }
      WaitForEvent(directory, left);
    }
  }

  CgroupV2Options options_;
};

}  // namespace

std::unique_ptr<CgroupDriver> MakeCgroupV2Driver(CgroupV2Options options) {
  return std::make_unique<CgroupV2Driver>(options);
}

}  // namespace hoy::core
