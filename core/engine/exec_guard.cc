#include "core/engine/exec_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "core/sys/fd_packet.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// Where the guard keeps its descriptors, so that it can close all the others.
enum GuardFd : int { kClient = 3, kProcess = 4, kFirstOther = 5 };

struct Farewell {
  bool detached = false;
  int terminal = -1;
};

Farewell ReceiveFarewell() {
  char byte = 0;
  Farewell farewell;
  farewell.detached = ReceivePacket(kClient, &byte, 1, &farewell.terminal) == 1;
  return farewell;
}

// Its own standard streams are nobody's, and it is in no session that could be hung up.
void LeaveTheClientsWorld(int client, int process, int null) {
  std::array<int, 3> high = {fcntl(client, F_DUPFD, 16), fcntl(process, F_DUPFD, 16),
                             fcntl(null, F_DUPFD, 16)};
  for (int stream : {0, 1, 2}) dup2(high[2], stream);
  dup2(high[0], kClient);
  dup2(high[1], kProcess);
  close_range(kFirstOther, ~0U, 0);
  setsid();
  if (chdir("/") != 0) _exit(1);
  // The client blocked most signals for its session, and this process wants none but SIGKILL.
}

[[noreturn]] void Guard() {
  int terminal = -1;
  bool client_is_there = true;
  std::array<char, 16 * 1024> discarded;
  while (true) {
    std::array<pollfd, 3> slots = {{{kProcess, POLLIN, 0},
                                    {client_is_there ? kClient : -1, POLLIN, 0},
                                    {terminal, POLLIN, 0}}};
    if (poll(slots.data(), slots.size(), -1) < 0 && errno != EINTR) _exit(1);
    if (slots[0].revents != 0) _exit(0);
    if (slots[1].revents != 0) {
      Farewell farewell = ReceiveFarewell();
      if (!farewell.detached) {
        (void)SendSignal(kProcess, SIGKILL);
        _exit(0);
      }
      client_is_there = false;
      terminal = farewell.terminal;
    }
    if (slots[2].revents != 0 && read(terminal, discarded.data(), discarded.size()) <= 0 &&
        errno != EAGAIN && errno != EINTR) {
      // Hung up. It stays open: closing it would be a signal to the process.
      terminal = -1;
    }
  }
}

}  // namespace

Result<ExecGuard> ExecGuard::Start(BorrowedFd process) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("socketpair", "exec guard");
  }
  ExecGuard result;
  result.client_.reset(sockets[0]);
  Fd theirs(sockets[1]);
  TRY(Fd null, OpenAt(kCwd, "/dev/null", O_RDWR));
  pid_t pid = fork();
  if (pid < 0) return FailErrno("fork", "exec guard");
  if (pid == 0) {
    LeaveTheClientsWorld(theirs.get(), process.get(), null.get());
    Guard();
  }
  result.guard_ = ChildProcess(pid, Fd());
  return result;
}

Result<> ExecGuard::Detach(BorrowedFd terminal) {
  char byte = 'd';
  if (SendPacket(client_.get(), &byte, 1, terminal.get()) < 0) {
    return FailErrno("detach", "process");
  }
  guard_.Release();
  return {};
}

}  // namespace hoy::core
