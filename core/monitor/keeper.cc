#include "core/monitor/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "core/base/fail_point.h"
#include "core/init/plan.h"
#include "core/monitor/run_socket.h"
#include "core/monitor/shield.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr char kName[] = "hoy-keeper";
constexpr int kHandOverMs = 10'000;

// All but these three, which are different, and the standard streams.
void CloseAllBut(int a, int b, int c) {
  if (a > b) std::swap(a, b);
  if (b > c) std::swap(b, c);
  if (a > b) std::swap(a, b);
  auto close_between = [](int after, int before) {
    if (before - after > 1) {
      close_range(static_cast<unsigned>(after + 1), static_cast<unsigned>(before - 1), 0);
    }
  };
  close_between(STDERR_FILENO, a);
  close_between(a, b);
  close_between(b, c);
  close_range(static_cast<unsigned>(c + 1), ~0U, 0);
}

[[noreturn]] void Keep(int listener, int master, int init) {
  int spare = OpenSpare();
  while (true) {
    pollfd slots[2] = {{init, POLLIN, 0}, {listener, POLLIN, 0}};
    if (poll(slots, 2, -1) < 0 && errno != EINTR) _exit(1);
    if (slots[0].revents != 0) _exit(0);
    if (slots[1].revents == 0) continue;
    bool refuse = false;
    int peer = AcceptNext(listener, &spare, &refuse);
    if (peer < 0) continue;
    char nothing = 0;
    // Its buffer is empty: there is room.
    if (!refuse) SendPacket(peer, &nothing, sizeof nothing, master);
    close(peer);
  }
}

}  // namespace

Keeper StartKeeper(const KeeperRequest& request) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return {};
  int listener = ListenInDirectory(request.run_dir, kKeeperSocket);
  auto pid =
      listener < 0
          ? -1
          : static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) {
    // Not in the monitor's process group: what is sent there is not meant for both.
    setsid();
    CloseAllBut(listener, request.master, request.init);
    ShieldFromOomKiller();
    prctl(PR_SET_NAME, kName, 0, 0, 0);
    if (request.name != nullptr && strlen(request.name) + 1 >= sizeof kName) {
      memset(request.name, 0, strlen(request.name));
      memcpy(request.name, kName, sizeof kName - 1);
    }
    if (request.plans != nullptr) munmap(const_cast<char*>(request.plans), kPlanSpace);
    FailPoint("keeper-started");
    Keep(listener, request.master, request.init);
  }
  close(ready[1]);
  if (listener >= 0) close(listener);
  return {pid, ready[0]};
}

void AwaitKeeper(Keeper& keeper) {
  if (keeper.ready < 0) return;
  char nothing = 0;
  while (read(keeper.ready, &nothing, sizeof nothing) < 0 && errno == EINTR) {
  }
  close(keeper.ready);
  keeper.ready = -1;
}

void EndKeeper(const Keeper& keeper) {
  if (keeper.pid <= 0) return;
  kill(keeper.pid, SIGKILL);
  while (wait4(keeper.pid, nullptr, 0, nullptr) < 0 && errno == EINTR) {
  }
}

int TakeFromKeeper(const char* run_dir) {
  int keeper = ConnectInDirectory(run_dir, kKeeperSocket);
  if (keeper < 0) return -1;
  int master = -1;
  // One that is stopped must not hold up the monitor.
  pollfd slot{keeper, POLLIN, 0};
  char nothing = 0;
  if (poll(&slot, 1, kHandOverMs) > 0) ReceivePacket(keeper, &nothing, sizeof nothing, &master);
  close(keeper);
  return master;
}

}  // namespace hoy::core
