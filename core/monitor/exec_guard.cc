#include "core/monitor/exec_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/cgroup/join.h"
#include "core/cgroup/kill_leaf.h"
#include "core/monitor/clone_process.h"
#include "core/monitor/exit_status.h"
#include "core/monitor/publish.h"
#include "core/monitor/run_helper.h"
#include "core/monitor/text_line.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

// How long the cgroup is waited for: of what was killed, and of what ends together with the
// process.
constexpr int kKilledPatienceMs = 10'000;
constexpr int kEndedPatienceMs = 200;
constexpr int kDyingPatienceMs = 1'000;
constexpr int kTimeoutExitCode = 124;

int64_t MonotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
}

// Who shares its memory with another has that one's score, too (proc(5), oom_score_adj).
void KeepOwnOomScore() {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "-999", 4) < 0 && write(fd, "0", 1) < 0) {
    // Without CAP_SYS_RESOURCE, and with hoy's own above that: as it is, then.
  }
  close(fd);
}

// Only what the guard needs may stay open: a pipe of the process's that we held would never end.
void CloseOthers(int& kept) {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
  int low = dup2(kept, kAttachFd + 1);
  close_range(kAttachFd + 2, ~0U, 0);
  kept = low;
}

class ExecGuard {
 public:
  explicit ExecGuard(const PlanView& plan)
      : plan_(plan),
        cgroup_(plan.text(plan.header().session_cgroup)),
        record_(plan.text(plan.header().session_record)) {
    int64_t timeout_ms = plan.header().session_timeout_ms;
    if (timeout_ms > 0) deadline_ = MonotonicMs() + timeout_ms;
  }

  // Where the session's process belongs, O_PATH; -1: there are no cgroups.
  int MakePlace(const PlanView& plan) {
    const PlanHeader& header = plan.header();
    MakeRecord(plan.text(header.session_directory));
    if (cgroup_ != nullptr && mkdir(cgroup_, 0755) != 0) cgroup_ = nullptr;
    const char* place = cgroup_ != nullptr ? cgroup_ : plan.text(header.session_cgroup_above);
    return place != nullptr ? open(place, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  }

  [[noreturn]] void Hold(pid_t process) {
    process_ = process;
    // It is our child and not reaped yet: the number is still its own.
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
    GuardMessage message{GuardMessageKind::kForked, 0, 0, process};
    if (pidfd_ >= 0) SendPacket(client_, &message, sizeof message, pidfd_);
    close(kStartFd);  // hoy waits for its end
    KeepOwnOomScore();
    if (pidfd_ < 0 || killed_) Kill();
    if (pidfd_ < 0) End();
    while (true) {
      pollfd slots[] = {{pidfd_, POLLIN, 0}, {client_, POLLIN, 0}, {terminal_, POLLIN, 0}};
      int ready = poll(slots, 3, TimeLeft());
      if (ready == 0 && timed_out_) LetClientGo();
      if (ready == 0 && !timed_out_) {
        timed_out_ = true;
        Kill();
        deadline_ = MonotonicMs() + kDyingPatienceMs;
      }
      if (ready <= 0) continue;
      if (slots[0].revents != 0) End();
      if (slots[1].revents != 0) HearClient();
      if (slots[2].revents != 0) Drain();
    }
  }

  // Until it has forked the session's process, which it notes in *forked, or failed. It may hang in
  // what the container has made of its paths, when nobody waits for it any more.
  void AwaitHelper(pid_t helper, int pidfd, const volatile pid_t* forked) {
    CloseOthers(pidfd);
    bool waits = true;
    while (true) {
      pollfd slots[] = {{pidfd, POLLIN, 0}, {waits ? client_ : -1, 0, 0}};
      int ready = poll(slots, 2, waits || killed_ ? TimeLeft() : -1);
      if (ready < 0 && errno == EINTR) continue;
      if (ready != 0 && slots[0].revents != 0) break;
      if (killed_) LetClientGo();
      waits = false;
      if (killed_ || *forked != 0) continue;  // it is ending; the rest is Hold's
      timed_out_ = ready == 0;
      deadline_ = MonotonicMs() + kDyingPatienceMs;
      killed_ = true;
      kill(helper, SIGKILL);
    }
    while (waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {
    }
    close(pidfd);
  }

  [[noreturn]] void LeaveNothing() {
    if (timed_out_) LetClientGo();
    close(kStartFd);
    if (cgroup_ != nullptr) KillLeaf(cgroup_);
    RemoveTraces(kKilledPatienceMs);
    _exit(1);
  }

 private:
  // A session that cannot be listed is one all the same.
  void MakeRecord(const char* directory) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = open(record_, kFlags, 0600);
    if (fd < 0 && errno == ENOENT && (mkdir(directory, 0700) == 0 || errno == EEXIST)) {
      fd = open(record_, kFlags, 0600);  // the container's first one
    }
    if (fd >= 0) close(fd);
  }

  int TimeLeft() const {
    bool awaits_death = timed_out_ && client_ >= 0;
    if (deadline_ == 0 || (killed_ && !awaits_death)) return -1;
    int64_t left = deadline_ - MonotonicMs();
    return left > INT_MAX ? INT_MAX : left > 0 ? static_cast<int>(left) : 0;
  }

  void HearClient() {
    GuardMessage message{};
    int terminal = -1;
    ssize_t count = ReceivePacket(client_, &message, sizeof message, &terminal);
    close(client_);
    client_ = -1;
    if (count == sizeof message && message.kind == GuardMessageKind::kDetach) {
      detached_ = true;
      terminal_ = terminal;
      KeepOpen(terminal);
    } else {
      Kill();
    }
  }

  // When the process has ended. What the client has said by now counts; from here on it is told
  // that it comes too late.
  void HearLastWord() {
    if (client_ < 0) return;
    shutdown(client_, SHUT_RD);  // nor does the next line wait
    GuardMessage message{};
    int terminal = -1;
    ssize_t count = ReceivePacket(client_, &message, sizeof message, &terminal);
    if (terminal >= 0) close(terminal);
    if (count != sizeof message || message.kind != GuardMessageKind::kDetach) return;
    detached_ = true;
    close(client_);
    client_ = -1;
  }

  // Its other side is held open, too, and never used: a process that closes its own terminal and
  // lives on would otherwise make the master ready for ever, with nothing to read.
  static void KeepOpen(int terminal) {
    if (terminal < 0) return;
    fcntl(terminal, F_SETFL, O_NONBLOCK);
    ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  }

  // Hung up, it stays open: closing it would be a signal to the process.
  void Drain() {
    char nowhere[4096];
    ssize_t count = read(terminal_, nowhere, sizeof nowhere);
    if (count <= 0 && errno != EAGAIN && errno != EINTR) terminal_ = -1;
  }

  void Kill() {
    killed_ = true;
    kill(process_, SIGKILL);
    if (cgroup_ != nullptr) {
      KillLeaf(cgroup_);
    } else {
      kill(-process_, SIGKILL);  // it leads a process group, unless it is too young to
    }
  }

  // Killed, and frozen (a paused container, on cgroup v1), or stuck in the kernel: the client does
  // not wait for what its time has run out for.
  void LetClientGo() {
    if (client_ < 0) return;
    GuardMessage message{GuardMessageKind::kEnded, SIGKILL, 1, 0};
    SendPacket(client_, &message, sizeof message);
    close(client_);
    client_ = -1;
  }

  [[noreturn]] void End() {
    GuardMessage message{GuardMessageKind::kEnded, 0, timed_out_ ? 1U : 0U, 0};
    // What the container traces is its tracer's to reap first, who may never do so.
    pid_t reaped = 0;
    while ((reaped = waitpid(process_, &message.wait_status, WNOHANG)) < 0 && errno == EINTR) {
    }
    if (reaped == 0 &&
        !ReadForeignExit(pidfd_, process_, StartTimeOf(process_), &message.wait_status)) {
      message.wait_status = SIGKILL;
    }
    HearLastWord();
    if (client_ >= 0) SendPacket(client_, &message, sizeof message);
    RemoveTraces(killed_ ? kKilledPatienceMs : kEndedPatienceMs);
    if (detached_) TellOfItsEnd(message.wait_status);
    _exit(0);
  }

  void TellOfItsEnd(int wait_status) const {
    ArgumentVector argv(plan_, plan_.header().cleanup_argv);
    int code = timed_out_                 ? kTimeoutExitCode
               : WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
                                          : WEXITSTATUS(wait_status);
    TextLine text;
    text << static_cast<int64_t>(code);
    // Its streams were closed: what it opens first must not be taken for them.
    int null = open("/dev/null", O_RDWR);
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      if (null < 0 || dup2(null, stream) < 0) return;
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    char* environment[] = {nullptr};
    if (argv.Add(text.c_str())) execve(argv.words[0], argv.words, environment);
  }

  // The record goes last, and stays where the cgroup does: it tells that there is one.
  void RemoveTraces(int patience_ms) {
    int64_t give_up_at = MonotonicMs() + patience_ms;
    long pause_ms = 1;
    while (cgroup_ != nullptr && !RemoveLeaf(cgroup_)) {
      if (MonotonicMs() > give_up_at) return;
      if (killed_) KillLeaf(cgroup_);  // what was on its way into the cgroup
      timespec pause{0, pause_ms * 1'000'000};
      nanosleep(&pause, nullptr);
      if (pause_ms < 50) pause_ms *= 2;
    }
    unlink(record_);
  }

  const PlanView plan_;
  const char* cgroup_;
  const char* record_;
  int client_ = kAttachFd;
  int64_t deadline_ = 0;  // milliseconds, monotonic; 0: none
  pid_t process_ = 0;
  int pidfd_ = -1;
  int terminal_ = -1;
  bool detached_ = false;
  bool timed_out_ = false;
  bool killed_ = false;
};

StartMessage SetupFailed(SetupStage stage, int error) {
  return {StartMessageKind::kSetup, static_cast<uint32_t>(stage), error, 0};
}

struct Helper {
  const PlanView& plan;
  ChildContext& context;
  SessionSteps* steps;
  bool joins = false;  // v2, and it was not born in the session's cgroup
  pid_t pid = -1;
};

int RunHelper(void* argument) {
  Helper& helper = *static_cast<Helper*>(argument);
  ChildContext& context = helper.context;
  close(kAttachFd);
  if (helper.joins && context.cgroup_fd >= 0) {
    int error = JoinCgroupAt(context.cgroup_fd, getpid());
    if (error != 0) GiveUpChild(context, SetupFailed(SetupStage::kCgroup, error));
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  helper.steps(helper.plan, context);
  _exit(1);
}

// In our memory, on a stack of its own, which saves the copy: all that we do beside it succeeds,
// and so leaves the errno alone that we share. clone(2) cannot put it into a cgroup of v2.
bool StartHelperShared(Helper& helper, int* pidfd) {
  constexpr size_t kStack = size_t{256} << 10;
  static pid_t forked = 0;
  helper.context.forked = &forked;
  void* stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return false;
  helper.pid = clone(RunHelper, static_cast<char*>(stack) + kStack,
                     CLONE_VM | CLONE_PIDFD | SIGCHLD, &helper, pidfd);
  return helper.pid > 0;
}

bool StartHelperCopied(Helper& helper, int* pidfd) {
  void* page =
      mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  helper.context.forked = static_cast<pid_t*>(page);
  bool is_wanted = helper.plan.header().session_born_there != 0;
  bool born_there = false;
  helper.pid = CloneProcess(0, is_wanted ? helper.context.cgroup_fd : -1, pidfd, &born_there);
  helper.joins = is_wanted && !born_there;
  if (helper.pid == 0) RunHelper(&helper);
  return helper.pid > 0;
}

// AddressSanitizer knows of no stack but those of threads.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kSharesMemory = false;
#else
constexpr bool kSharesMemory = true;
#endif

bool StartHelper(Helper& helper, int* pidfd) {
  bool here = kSharesMemory && helper.plan.header().session_born_there == 0;
  return here ? StartHelperShared(helper, pidfd) : StartHelperCopied(helper, pidfd);
}

}  // namespace

// The guard is deaf to all but SIGKILL, and nothing can hang its session up.
void PrepareSession() {
  ResetSignals();
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  setsid();
  if (chdir("/") != 0) {
    // Then that directory stays busy for as long as the session lives.
  }
}

void HoldSession(const PlanView& plan, ChildContext& context, SessionSteps* steps) {
  ExecGuard guard(plan);
  context.cgroup_fd = guard.MakePlace(plan);
  Helper helper{plan, context, steps};
  int pidfd = -1;
  if (!StartHelper(helper, &pidfd)) {
    StartMessage message = SetupFailed(SetupStage::kClone, errno);
    SendPacket(kStartFd, &message, sizeof message);
    guard.LeaveNothing();
  }
  guard.AwaitHelper(helper.pid, pidfd, context.forked);
  if (*context.forked == 0) guard.LeaveNothing();
  guard.Hold(*context.forked);
}

}  // namespace hoy::core
