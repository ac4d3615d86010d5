#pragma once
// From a container's config to its InitPlan. Pure: everything that had to be looked up on this host
// comes in as data, so the result can be compared with golden text.

#include <linux/filter.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/cgroup/cgroup.h"
#include "core/init/plan_builder.h"
#include "core/rootfs/users.h"
#include "core/state/container_record.h"
#include "core/state/health_state.h"

namespace hoy::core {

// The process to exec, with every name resolved.
struct ResolvedProcess {
  ResolvedUser user;
  std::string executable;  // absolute, inside the root
};

// What becomes of /etc/localtime.
struct ResolvedTimezone {
  std::string link;      // it leads to this file of the root, "../usr/share/zoneinfo/UTC"
  std::string content;   // where the root has no such file: RUN's "localtime" is bound over it
  bool replaces = true;  // what is there now is in the way
};

struct StartInput {
  const ContainerRecord* record = nullptr;
  const Layout* layout = nullptr;
  ResolvedProcess process;
  CgroupLocation cgroup;
  std::string cpuset_hierarchy;          // v1: its name on this host
  std::span<const sock_filter> seccomp;  // empty: unconfined
  uint16_t rows = 0;                     // the client's window, when the container has a terminal
  uint16_t columns = 0;
  bool passes_fds = false;  // descriptors were sent along with the first plan
  std::optional<ResolvedTimezone> timezone;
  std::vector<std::string> cleanup_argv;
  std::vector<std::string> probe_argv;  // with a health check
  std::vector<std::string> sync_argv;   // with a sync interval
  std::string boot_id;
  uint64_t next_log_number = 1;  // PrepareLog
  std::string hooks_arrival;     // HookMeeting: where its pipes are, or empty
  std::string hooks_leave;
  // MapOwners: by the place of a mount in the config, the file of its user namespace.
  std::map<size_t, std::string> owners;
};

// Mode kClone: what is certain before the rest of the input is. On cgroup v2 the cgroup is, too,
// because clone3 puts the process there.
PlanBuilder BuildClonePlan(const ContainerConfig& config, const CgroupLocation& cgroup);

// Mode kStart: the rest. The header is complete.
PlanBuilder BuildStartPlan(const StartInput& input);

// What the monitor is told of the container's freezer; where it cannot say it, readers find it.
void AddFreezer(PlanBuilder& plan, const CgroupLocation& cgroup);
// What the monitor is told of --timeout, of which there are `seconds` left.
void AddTimeout(PlanBuilder& plan, int64_t seconds, const CgroupLocation& cgroup);
// What the monitor is told of a health check: the first probe is due by what is known of the run.
void AddProbes(PlanBuilder& plan, const HealthCheck& check, const HealthState& known, Timestamp now,
               const std::vector<std::string>& argv);
// What the monitor is told of --sync-interval.
void AddSyncs(PlanBuilder& plan, int64_t interval_ns, const std::vector<std::string>& argv);

// CLONE_NEW* of the namespaces that a container has of its own.
uint64_t NamespaceFlags(const NamespaceModes& modes);

}  // namespace hoy::core
