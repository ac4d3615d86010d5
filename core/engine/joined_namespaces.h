#pragma once
// The namespaces that a container's process joins instead of having its own: those of other
// containers (--pid, --ipc, --uts and --network container:ID), and the one that was wired for it.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/init/plan_builder.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

struct JoinedNamespaces {
  Fd pid;
  Fd ipc;
  Fd uts;
  Fd network;
  Fd shm_mounts;   // where the /dev/shm of the joined IPC namespace is
  Fd proc_mounts;  // where the /proc of the joined PID namespace is

  // For the first plan's packet: those that are there, in this order.
  void AppendTo(std::vector<int>& fds) const;
};

// What was opened is joined even when its container ends meanwhile; but in a PID namespace whose
// first process has ended nothing can be cloned any more. kConflict: its container does not run.
Result<JoinedNamespaces> OpenJoinedNamespaces(const Layout& layout, const ContainerRecord& record);

// The steps that join them, and the header's fields about them.
void AddJoins(PlanBuilder& plan, const ContainerConfig& config);

// /proc/PID/<file> of the init of a container that has to run; `flag` is named when it does not:
// "--pid". kConflict.
Result<Fd> OpenFileOfContainer(const Layout& layout, const std::string& id, std::string_view file,
                               std::string_view flag);

// The ids of the containers that have to run before this one can start, each once.
std::vector<std::string> JoinedContainers(const ContainerConfig& config);

}  // namespace hoy::core
