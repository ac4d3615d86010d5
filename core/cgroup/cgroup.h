#pragma once
// A container's cgroup: made before the process, joined by it, removed after it.
//
// Where: `hoy-<id>`, directly in the base directory of each hierarchy, so that nothing is shared
// between containers and nothing stays behind. The base is
//   v1  the caller's own cgroup, so that a sandbox's or batch job's limits go on to hold; but the
//       mount's root where systemd owns the caller's cgroup (a session ends, a container need not)
//   v2  the mount's root; if that cannot be written, the caller's own cgroup (a delegated tree)
// or, with --cgroup-parent, that path below the mount's root (relative: below the base).
//
// Only what is used is made: on v1 memory, cpu, cpuacct, pids, blkio, devices and freezer; cpuset
// when a limit names it; name=systemd and the hybrid's v2 tree when the caller is not in their root
// (so that a stopped unit does not take the container with it).
//
// Nobody locks: a cgroup belongs to its container, whose own lock orders create and remove.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/cgroup/devices.h"
#include "core/cgroup/limits.h"

namespace hoy::core {

struct CgroupHost;

enum class CgroupVersion { kNone, kV1, kV2 };
std::string_view ToString(CgroupVersion version);         // "none", "v1", "v2"
CgroupVersion ParseCgroupVersion(std::string_view text);  // anything else: kNone

// Where a container's cgroup is, as the container record stores it: any later hoy can reopen it.
struct CgroupLocation {
  CgroupVersion version = CgroupVersion::kNone;
  // v1: {"memory", "/sys/fs/cgroup/memory/hoy-<id>"}, {"cpu,cpuacct", ...}, ...; v2: one, {"",
  // dir}.
  std::vector<std::pair<std::string, std::string>> directories;

  bool operator==(const CgroupLocation&) const = default;

  // The directory that holds `controller` ("memory", "cpu"; on v2 any), or empty.
  std::string Directory(std::string_view controller) const;
  // What a single-threaded process writes "0" to in order to join (join.h: why that is the fast
  // way on v1). v2 has no such way but clone3(CLONE_INTO_CGROUP); the file given here is a slow
  // one.
  std::vector<std::string> SelfJoinFiles() const;
  // The same for a helper of the monitor's that must die when it is killed: on v1 not where it
  // could be frozen.
  std::vector<std::string> HelperJoinFiles() const;
  // What a pid is written to, one per directory. Slow on both versions.
  std::vector<std::string> ProcsFiles() const;
  // What ReadOomKills (join.h) reads; empty where nobody counts.
  std::string OomFile() const;
  // v1: what is to be written "THAWED" to so that a frozen process takes its SIGKILL; on v2 it does
  // so anyway, and this is empty.
  std::string ThawFile() const;
  // What IsFrozenBy reads; empty where nothing can be frozen.
  std::string FreezerFile() const;
};

// Whether the cgroup with that file is frozen, or on the way there.
bool IsFrozenBy(const std::string& freezer_file);

struct CgroupRequest {
  std::string id;                   // the container's
  std::string parent;               // --cgroup-parent, or empty
  ResourceLimits limits;            // must have passed ValidateLimits
  bool all_devices = false;         // --privileged: no device rules at all
  std::vector<DeviceRule> devices;  // after DefaultDeviceRules(); the last match decides
};

class CgroupDriver;

// A handle. It does not own the cgroup: dropping it leaves the cgroup as it is.
class Cgroup {
 public:
  // Makes the directories, writes limits and device rules. On failure nothing is left behind.
  // With no limits asked and no writable cgroups it succeeds with an empty location and a reason.
  // kUnsupported: a limit that was asked for cannot be enforced here; names the controller and, in
  // the hint, what to do. kInvalidArgument: the kernel refused the value, or a bad parent.
  // kAlreadyExists: there is one with processes in it (an empty left-over is taken over).
  static Result<Cgroup> Create(const CgroupRequest& request);
  // For a caller that has asked already what is mounted here (host.h).
  static Result<Cgroup> Create(const CgroupHost& host, const CgroupRequest& request);
  static Cgroup Open(CgroupLocation location);

  Cgroup(Cgroup&&) noexcept;
  Cgroup& operator=(Cgroup&&) noexcept;
  ~Cgroup();

  const CgroupLocation& location() const { return location_; }
  // Why there is none (location().version == kNone), for `inspect` and `info`.
  const std::string& none_reason() const { return none_reason_; }
  // After Create: the kernel enforces the device rules, or --privileged asked for none. Where it
  // does not (no controller, no BPF), a container must not keep CAP_MKNOD.
  bool devices_enforced() const { return devices_enforced_; }
  // v2, after Create: for CLONE_INTO_CGROUP; otherwise -1.
  BorrowedFd clone_into() const { return directory_; }

  Result<> Join(pid_t pid) const;  // any process; may take 15 ms, see join.h
  // Writes to a living cgroup what differs between two sets of limits (hoy update). When the kernel
  // refuses one, none is changed; kinds as in Create. kConflict: the container uses more than that.
  Result<> Update(const ResourceLimits& before, const ResourceLimits& after) const;

  // Whether --cpuset-* has nowhere to go: v1, started without such a limit.
  bool LacksCpuset() const;
  // Gives it a cpuset cgroup, which has what its processes have now; location() says where. They
  // are still to be moved there (FillCpuset), once somebody has noted that there is one to remove.
  // kUnsupported: the controller is not mounted, or cannot be written.
  Result<> AddCpuset(std::string_view id);
  Result<> FillCpuset() const;
  // Undoes both.
  Result<> DropCpuset();

  Result<> Freeze() const;  // returns when all are frozen
  Result<> Thaw() const;
  // Whether it is paused: frozen, or on the way there (a process that hangs in the kernel freezes
  // late). Costs one small read on v1, one or two on v2. A missing cgroup is not frozen.
  bool IsFrozen() const;
  // SIGKILL to every process in it and in cgroups below it, however fast they fork. Frozen ones are
  // thawed so that they die. Returns when the signals are sent, not when all are gone.
  Result<> Kill() const;
  // Idempotent: removes it and whatever the container made below it, deepest first. Waits (up to
  // `patience_ms`) for dying processes; kConflict: living ones are still there.
  Result<> Remove(int patience_ms = 2000) const;

  // All pids in it and below, as this pid namespace sees them. A missing cgroup has none.
  Result<std::vector<pid_t>> Processes() const;
  Result<bool> IsEmpty() const;
  uint64_t OomKills() const;  // processes that the OOM killer took in it; 0 where nobody counts

 private:
  explicit Cgroup(CgroupLocation location);

  CgroupLocation location_;
  std::string none_reason_;
  bool devices_enforced_ = false;
  Fd directory_;
  std::unique_ptr<CgroupDriver> driver_;
};

// What `hoy info` says about this host.
struct CgroupHostInfo {
  CgroupVersion version = CgroupVersion::kNone;
  std::vector<std::string> controllers;
};
CgroupHostInfo DescribeCgroupHost();

}  // namespace hoy::core
