#pragma once
// The sessions of `hoy exec`, as RUN tells of them: RUN/containers/<id>/exec/<session id>.<guard
// pid> is made by the session's guard (core/monitor/exec_guard.h) before its cgroup, filled by hoy
// when there is a process, and taken away by the guard, after the cgroup.
//
// The kernel is the truth: a session exists while its process does. What is left otherwise:
//   | killed                         | left behind          | healed by                         |
//   |--------------------------------|----------------------|-----------------------------------|
//   | hoy                            | nothing: the guard ends the session                      |
//   | the guard                      | record, cgroup       | hoy kills the session; then       |
//   |                                |                      | HealExecSessions                  |
//   | both                           | the session as well  | goes on, listed; then the same    |
//   | nobody; children live on       | record, cgroup       | the same, when they have ended    |
// and all of it by the end of the container.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/cgroup/leaf.h"
#include "core/state/exec_session.h"
#include "core/state/layout.h"

namespace hoy::core {

// Where a new session's record and cgroup are to be.
struct ExecPlace {
  std::string session_id;
  std::string directory;
  std::string record;
  CgroupLeaf cgroup;
};
ExecPlace ChooseExecPlace(const Layout& layout, std::string_view container,
                          const CgroupLocation& cgroup, pid_t guard);

// Fills the record that the guard has made. kNotFound: the session has ended already.
Result<> PublishExecSession(const ExecPlace& place, const ExecSession& session);

// Those whose process lives, oldest first. No run directory: none.
Result<std::vector<ExecSession>> ListExecSessions(const Layout& layout, std::string_view container);
// Takes away what the dead have left, as far as their children have ended. How many of them.
int HealExecSessions(const Layout& layout, std::string_view container,
                     const CgroupLocation& cgroup);
int CountAbandonedSessions(const Layout& layout, std::string_view container);

}  // namespace hoy::core
