#pragma once
// RUN/containers/<id>: what exists only while a container runs.
//
//   out, err     FIFOs of its standard streams
//   start.json   {"version":1,"cgroup":{"version":"v1","directories":[["memory","/..."],...]}}
//   state.json   by the monitor (core/monitor/publish.h)
//   health.json  of a container with a health check (core/state/health_state.h)
//   attach.sock  where clients connect to the monitor (core/monitor/attach_protocol.h)
//   network.json  how it is wired (net/attach/network_status.h)
//   pty.sock     with a terminal, by its keeper (core/monitor/keeper.h)
//   exec/        a file for each session of `hoy exec` (exec_sessions.h)

#include "core/base/result.h"
#include "core/cgroup/cgroup.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::core {

// Makes the directory with its FIFOs, owned by the container's user so that it may open
// /dev/stdout again. A left-over of an earlier run is replaced; the caller holds the lock.
Result<> MakeRunDirectory(const Layout& layout, std::string_view id, uid_t owner, gid_t group);
Result<> RemoveRunDirectory(const Layout& layout, std::string_view id);

Result<> WriteCgroupLocation(const Layout& layout, std::string_view id,
                             const CgroupLocation& cgroup);
// kNotFound: there is none, the container does not run.
Result<CgroupLocation> ReadCgroupLocation(const Layout& layout, std::string_view id);

}  // namespace hoy::core
