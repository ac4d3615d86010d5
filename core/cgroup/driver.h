#pragma once
// The seam between Cgroup and the two kernel interfaces. Only core/cgroup includes this.

#include <memory>
#include <string>
#include <vector>

#include "core/cgroup/cgroup.h"
#include "core/cgroup/host.h"

namespace hoy::core {

// What Create made.
struct MadeCgroup {
  CgroupLocation location;
  std::string none_reason;
  bool devices_enforced = false;
  Fd directory;  // v2
};

// Stateless: a location says all. Errors and meanings are those of Cgroup's functions.
class CgroupDriver {
 public:
  virtual ~CgroupDriver() = default;
  virtual Result<MadeCgroup> Create(const CgroupHost& host, const CgroupRequest& request) = 0;
  virtual Result<> Update(const CgroupLocation& location, const ResourceLimits& before,
                          const ResourceLimits& after) = 0;
  virtual Result<> AddCpuset(CgroupLocation& location, std::string_view id) = 0;
  virtual Result<> FillCpuset(const CgroupLocation& location) = 0;
  virtual Result<> DropCpuset(CgroupLocation& location) = 0;
  virtual Result<> Freeze(const CgroupLocation& location) = 0;
  virtual Result<> Thaw(const CgroupLocation& location) = 0;
  virtual Result<> Kill(const CgroupLocation& location) = 0;
  virtual Result<> Remove(const CgroupLocation& location, int patience_ms) = 0;
  virtual Result<std::vector<pid_t>> Processes(const CgroupLocation& location) = 0;
};

std::unique_ptr<CgroupDriver> MakeCgroupV1Driver();

struct CgroupV2Options {
  bool use_kill_file = true;  // false: as on Linux before 5.14, for tests
};
std::unique_ptr<CgroupDriver> MakeCgroupV2Driver(CgroupV2Options options = {});

}  // namespace hoy::core
