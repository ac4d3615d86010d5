#pragma once
// The processes of a container that runs: all in its cgroup and those below it, which exec sessions
// have. Read from /proc, so that nothing is needed inside and a paused container answers too.

#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "core/sys/proc_facts.h"

namespace hoy::core {

// Who a number is.
using IdNames = std::map<uint32_t, std::string>;
IdNames ParseIdNames(std::string_view passwd_or_group);  // the first name of a number counts

struct ProcessList {
  std::vector<ProcFacts> processes;  // oldest first; those that end meanwhile are left out
  // From the container's own /etc/passwd and /etc/group; a file that is missing names nobody.
  IdNames users, groups;
};

enum class ListThreads { kNo, kYes };  // kYes: each thread is one of the list

// kConflict: it does not run.
Result<ProcessList> ListProcesses(const Layout& layout, std::string_view id,
                                  ListThreads threads = ListThreads::kNo);

// The host's.
IdNames HostUsers();
IdNames HostGroups();

}  // namespace hoy::core
