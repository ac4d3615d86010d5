#include "core/engine/made_root.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/init/interpreter.h"
#include "core/init/plan_builder.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

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

Result<MadeRoot> MadeRoot::Make(const std::string& plan, const std::string& what) {
  MadeRoot made;
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("socketpair", what);
  }
  made.keeper_end_.reset(sockets[0]);
  Fd theirs(sockets[1]);
  pid_t pid = fork();
  if (pid < 0) return FailErrno("fork", what);
  if (pid == 0) {
    made.keeper_end_.reset();
    KeepRoot(plan, theirs.get());
  }
  made.keeper_ = ChildProcess(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  theirs.reset();
  StartMessage message{};
  int root = -1;
  ssize_t count = ReceivePacket(made.keeper_end_.get(), &message, sizeof message, &root);
  made.root_.reset(root);
  if (count == sizeof message && message.kind == StartMessageKind::kStarted) return made;
  if (count == sizeof message && message.kind == StartMessageKind::kFailed) {
    StepDescription step = DescribeStep(plan, message.index);
    return Fail(
        SystemError(step.stage, step.subject, static_cast<int>(message.value)).InContext(what));
  }
  return Fail(ErrorKind::kSystem, "{}: the process that made it was killed", what);
}

}  // namespace hoy::core
