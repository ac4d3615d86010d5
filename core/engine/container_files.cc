#include "core/engine/container_files.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/engine/lifecycle.h"
#include "core/engine/root_plan.h"
#include "core/engine/state_rules.h"
#include "core/init/interpreter.h"
#include "core/rootfs/mount_points.h"
#include "core/state/container_id.h"
#include "core/sys/fd_packet.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// The root of a living container; an empty descriptor: it does not run.
Result<Fd> OpenLiving(const ContainerStatus& status) {
  if (!status.run) return Fd();
  TRY(std::optional<Fd> init, OpenProcess(status.run->init));
  if (!init) return Fd();
  auto root =
      OpenAt(kCwd, fmt::format("/proc/{}/root", status.run->init.pid), O_PATH | O_DIRECTORY);
  // The number was still this process's when it was opened.
  TRY(init, OpenProcess(status.run->init));
  if (!init) return Fd();
  return root;
}

// Makes the root, hands it over, and holds its mount namespace until the other end closes.
[[noreturn]] void KeepRoot(const std::string& plan, int socket) {
  ChildContext context;
  context.plans = plan.data();
  context.status_fd = socket;
  PlanView view(plan.data());
  RunSteps(view, context);
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  StartMessage message{StartMessageKind::kStarted, 0, 0, 0};
  if (root < 0 || SendPacket(socket, &message, sizeof message, root) < 0) _exit(1);
  char byte = 0;
  while (read(socket, &byte, 1) < 0 && errno == EINTR) {
  }
  _exit(0);
}

}  // namespace

Result<ContainerFiles> ContainerFiles::Open(const Layout& layout, std::string_view id) {
  ContainerFiles files;
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(Permit(Verb::kCopy, status.state, ShortId(id)));
  TRY(files.root_, OpenLiving(status));
  if (!files.root_) {
    TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
    files.lock_ = std::make_unique<ContainerLock>(std::move(lock));
    TRY(status, Observe(layout, id, *files.lock_));
    TRY(files.root_, OpenLiving(status));
  }
  if (files.root_) {
    files.lock_.reset();
    return files;
  }
  TRY(ContainerRecord record, ReadContainer(layout, id));
  TRY(PrepareMountPoints(layout));
  std::string plan = BuildFilesPlan(layout, record).Serialize();
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("socketpair", "container files");
  }
  files.keeper_end_.reset(sockets[0]);
  Fd theirs(sockets[1]);
  pid_t pid = fork();
  if (pid < 0) return FailErrno("fork", "container files");
  if (pid == 0) {
    files.keeper_end_.reset();
    KeepRoot(plan, theirs.get());
  }
  files.keeper_ = ChildProcess(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  theirs.reset();
  StartMessage message{};
  int root = -1;
  ssize_t count = ReceivePacket(files.keeper_end_.get(), &message, sizeof message, &root);
  files.root_.reset(root);
  if (count == sizeof message && message.kind == StartMessageKind::kStarted) return files;
  if (count == sizeof message && message.kind == StartMessageKind::kFailed) {
    StepDescription step = DescribeStep(plan, message.index);
    return Fail(SystemError(step.stage, step.subject, static_cast<int>(message.value))
                    .InContext(fmt::format("root of container {}", ShortId(id))));
  }
  return Fail(ErrorKind::kSystem, "root of container {}: the process that made it was killed",
              ShortId(id));
}

}  // namespace hoy::core
