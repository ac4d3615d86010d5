#include "core/engine/restart.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/fail_point.h"
#include "core/engine/adopt.h"
#include "core/engine/start.h"
#include "core/monitor/shield.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// In a child of fork: only system calls. Its descriptors are closed on exec but for 0, 1 and 2.
[[noreturn]] void ExecRestarter(char* const* argv, int null) {
  if (!Detach()) _exit(127);
  for (int stream : {0, 1, 2}) dup2(null, stream);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  char* envp[] = {nullptr};
  execve(argv[0], argv, envp);
  _exit(127);
}

// An intermediate process, so that the restarter is nobody's zombie. Its pid comes through the
// pipe.
Result<pid_t> ForkRestarter(char* const* argv) {
  TRY(Fd null, OpenAt(kCwd, "/dev/null", O_RDWR));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe", "restarter");
  Fd from(ends[0]);
  Fd to(ends[1]);
  pid_t between = fork();
  if (between < 0) return FailErrno("fork", "restarter");
  if (between == 0) {
    pid_t restarter = fork();
    if (restarter == 0) ExecRestarter(argv, null.get());
    (void)!write(to.get(), &restarter, sizeof restarter);
    _exit(0);
  }
  ChildProcess child(between, {});
  to.reset();
  pid_t restarter = -1;
  ssize_t count = read(from.get(), &restarter, sizeof restarter);
  TRY(child.Wait());
  if (count != sizeof restarter || restarter <= 0) return FailErrno("fork", "restarter", EAGAIN);
  return restarter;
}

}  // namespace

bool KeepsRestart(const RestartState& state) {
  return state.pending && state.pending->restarter.pid == getpid() &&
         IsOfThisBoot(state.pending->restarter).value_or(false);
}

Result<> SpawnRestarter(const Layout& layout, std::string_view id, RestartState state) {
  std::vector<std::string> words = CleanUpCommand(layout, id);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // It waits for the lock that our caller holds, and so finds what we write next.
  TRY(pid_t restarter, ForkRestarter(argv.data()));
  auto identity = IdentityOf(restarter);
  if (!identity) return Fail(std::move(identity).error().InContext("start the restarter"));
  state.pending->restarter = *std::move(identity);
  return WriteRestartState(layout, id, state);
}

Result<bool> DecideRestart(const Layout& layout, const ContainerSummary& summary,
                           const ExitRecord& exit, bool spawn) {
  if (summary.restart.mode == RestartMode::kNo) return false;
  TRY(RestartState before, ReadRestartState(layout, summary.id));
  bool in_hand = false;
  if (before.pending) {
    TRY(in_hand, IsAlive(before.pending->restarter));
  }
  if (in_hand) return false;
  std::optional<RestartState> next = NextRestart(summary.restart, before, exit);
  if (!next) return false;
  next->pending = PendingRestart{{}, Now() + next->delay_ms * 1'000'000};
  if (spawn) {
    TRY(SpawnRestarter(layout, summary.id, *std::move(next)));
  } else {
    TRY(next->pending->restarter, IdentityOf(getpid()));
    TRY(WriteRestartState(layout, summary.id, *next));
  }
  FailPoint("restart-decided");
  return true;
}

Result<> TakeRestartInHand(const Layout& layout, std::string_view id) {
  TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
  TRY(RestartState state, ReadRestartState(layout, id));
  TRY(ProcessIdentity self, IdentityOf(getpid()));
  state.pending = PendingRestart{.restarter = self, .due = Now()};
  return WriteRestartState(layout, id, state);
}

Result<std::optional<pid_t>> RestartWhenDue(const Layout& layout, std::string_view id) {
  Fd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) return FailErrno("inotify", "init");
  std::string directory = layout.Container(id);
  if (inotify_add_watch(watch.get(), directory.c_str(),
                        IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF | IN_DELETE_SELF) < 0) {
    if (errno == ENOENT) return std::nullopt;
    return FailErrno("watch", directory);
  }
  while (true) {
    TRY(RestartState state, ReadRestartState(layout, id));
    if (!KeepsRestart(state)) return std::nullopt;
    // A clock that was set back must not make it wait for longer than it was to.
    Timestamp left = std::min(state.pending->due - Now(), state.delay_ms * 1'000'000);
    if (left <= 0) break;
    pollfd slot{watch.get(), POLLIN, 0};
    if (poll(&slot, 1, static_cast<int>(left / 1'000'000 + 1)) < 0 && errno != EINTR) {
      return FailErrno("poll", directory);
    }
    char events[4096];
    while (read(watch.get(), events, sizeof events) > 0) {
    }
  }
  TRY(ContainerRecord record, ReadContainer(layout, id));
  // What was a monitor is shielded from the OOM killer; what it starts must not be.
  (void)WriteControlFile("/proc/self/oom_score_adj", "0");
  TRY(StartedContainer started,
      StartContainer(layout, record, {.reason = StartReason::kRestartPolicy}));
  started.monitor.Release();
  return started.pid;
}

Result<> NoteStoppedByPerson(const Layout& layout, std::string_view id) {
  TRY(RestartState state, ReadRestartState(layout, id));
  if (state.stopped && !state.pending) return {};
  state.stopped = true;
  state.pending.reset();
  return WriteRestartState(layout, id, state);
}

}  // namespace hoy::core
