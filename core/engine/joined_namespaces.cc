#include "core/engine/joined_namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>

#include <algorithm>

#include "core/engine/lifecycle.h"
#include "core/engine/network_driver.h"
#include "core/engine/state_rules.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

bool HasJoinedShm(const ContainerConfig& config) {
  return std::ranges::any_of(
      config.mounts, [](const Mount& mount) { return mount.kind == MountKind::kJoinedShm; });
}

Result<Fd> OpenNetworkNamespace(const Layout& layout, const ContainerRecord& record) {
  if (!HasNetwork(record.config)) return Fd();
  if (TheNetworkDriver() == nullptr) {
    return Fail(ErrorKind::kUnsupported, "this program cannot wire networks");
  }
  return TheNetworkDriver()->OpenNamespace(layout, record);
}

}  // namespace

void JoinedNamespaces::AppendTo(std::vector<int>& fds) const {
  for (const Fd* fd : {&pid, &ipc, &uts, &network, &shm_mounts, &proc_mounts}) {
    if (*fd) fds.push_back(fd->get());
  }
}

Result<JoinedNamespaces> OpenJoinedNamespaces(const Layout& layout, const ContainerRecord& record) {
  const NamespaceModes& modes = record.config.namespaces;
  JoinedNamespaces joined;
  if (modes.pid == NamespaceMode::kJoined) {
    TRY(joined.pid, OpenFileOfContainer(layout, modes.pid_container, "ns/pid", "--pid"));
    TRY(joined.proc_mounts, OpenFileOfContainer(layout, modes.pid_container, "ns/mnt", "--pid"));
  }
  if (modes.ipc == NamespaceMode::kJoined) {
    TRY(joined.ipc, OpenFileOfContainer(layout, modes.ipc_container, "ns/ipc", "--ipc"));
    if (HasJoinedShm(record.config)) {
      TRY(joined.shm_mounts, OpenFileOfContainer(layout, modes.ipc_container, "ns/mnt", "--ipc"));
    }
  }
  if (modes.uts == NamespaceMode::kJoined) {
    TRY(joined.uts, OpenFileOfContainer(layout, modes.uts_container, "ns/uts", "--uts"));
  }
  TRY(joined.network, OpenNetworkNamespace(layout, record));
  return joined;
}

void AddJoins(PlanBuilder& plan, const ContainerConfig& config) {
  const NamespaceModes& modes = config.namespaces;
  uint32_t count = 0;
  auto join = [&](uint64_t flag) {
    Step& step = plan.Add(StepKind::kJoinNamespaces);
    step.slot = count++;
    step.flags = flag;
  };
  auto open_tree = [&](const char* text, uint32_t slot, uint64_t type) {
    Offset path = plan.Text(text);
    Step& step = plan.Add(StepKind::kOpenJoinedTree);
    step.a = path;
    step.slot = slot;
    step.value = count++;
    step.extra = type;
  };
  // Of its children, that is: it stays where nobody in there sees it until all is done (kFork).
  if (modes.pid == NamespaceMode::kJoined) join(CLONE_NEWPID);
  if (modes.ipc == NamespaceMode::kJoined) join(CLONE_NEWIPC);
  if (modes.uts == NamespaceMode::kJoined) join(CLONE_NEWUTS);
  if (HasNetwork(config)) join(CLONE_NEWNET);
  if (modes.ipc == NamespaceMode::kJoined && HasJoinedShm(config)) {
    open_tree("/dev/shm", kJoinedShmSlot, 0);
  }
  // Only a process of the namespace could mount one anew.
  if (modes.pid == NamespaceMode::kJoined) open_tree("/proc", kJoinedProcSlot, PROC_SUPER_MAGIC);
  plan.header().joined = count;
}

Result<Fd> OpenFileOfContainer(const Layout& layout, const std::string& id, std::string_view file,
                               std::string_view flag) {
  auto status = Observe(layout, id);
  if (status && status->IsUp() && status->run && !status->run->ready) {
    status = HealStarted(layout, id);
  }
  if (!status && status.error().kind == ErrorKind::kNotFound) {
    return Fail(ErrorKind::kConflict, "{} container:{}: there is no such container any more", flag,
                ShortId(id));
  }
  if (!status) return Fail(std::move(status).error());
  if (status->IsUp() && status->run) {
    auto opened = OpenProcessFile(status->run->init, file, O_RDONLY);
    if (opened || opened.error().kind != ErrorKind::kNotFound) return opened;
  }
  std::string name = ShownName(layout, id);
  return Fail(
      MakeError(ErrorKind::kConflict, fmt::format("{} container:{}: it is not running", flag, name))
          .WithHint(fmt::format("hoy start {}", name)));
}

std::vector<std::string> JoinedContainers(const ContainerConfig& config) {
  const NamespaceModes& modes = config.namespaces;
  std::vector<std::string> ids;
  for (const std::string* id : {&modes.pid_container, &modes.ipc_container, &modes.uts_container,
                                &config.network.container}) {
    if (!id->empty() && std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  }
  return ids;
}

}  // namespace hoy::core
