#include "core/monitor/take_init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fail_point.h"
#include "core/cgroup/join.h"
#include "core/monitor/attach_protocol.h"
#include "core/monitor/clone_process.h"
#include "core/monitor/exit_status.h"
#include "core/monitor/init_process.h"
#include "core/monitor/publish.h"
#include "core/monitor/read_clock.h"
#include "core/monitor/run_socket.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr int kPipeCapacity = 256 * 1024;

pid_t cloned_init = 0;  // ours, which GiveUp takes along: it may hang and not hear that we end

void OpenStdin(Monitor& m) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) GiveUp(SetupStage::kStreams, errno);
  m.child.streams[0] = pipe[0];
  m.streams.in = pipe[1];
}

void OpenStreams(Monitor& m) {
  m.streams.terminal = m.header().terminal != 0;
  bool passes = m.header().stdout_path == 0;
  if (m.streams.in >= 0) {
    if (m.streams.terminal || passes || m.header().open_stdin == 0) {
      close(m.streams.in);
      m.streams.in = -1;
    } else {
      fcntl(m.streams.in, F_SETFL, O_NONBLOCK);
    }
  }
  if (m.streams.terminal || passes) return;
  const char* paths[2] = {m.plan.text(m.header().stdout_path), m.plan.text(m.header().stderr_path)};
  for (int which : {0, 1}) {
    m.streams.out[which] = open(paths[which], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (m.streams.out[which] < 0) GiveUp(SetupStage::kStreams, errno);
    fcntl(m.streams.out[which], F_SETPIPE_SZ, kPipeCapacity);  // only speed: a refusal is fine
  }
}

void OpenLog(Monitor& m) {
  const PlanHeader& header = m.header();
  LogTarget target;
  target.driver = static_cast<LogDriver>(header.log_driver);
  target.path = m.plan.text(header.log_path);
  target.max_size = header.log_max_size;
  target.max_files = header.log_max_files;
  target.next_number = header.log_next_number;
  target.lost_path = m.plan.text(header.log_lost_path);
  if (header.log_extra_size > 0) {
    target.extra = {static_cast<const char*>(m.plan.blob(header.log_extra)), header.log_extra_size};
  }
  if (header.log_packer != 0) {
    m.packer = ArgumentVector(m.plan, header.log_packer);
    target.packer = m.packer.words;
  }
  int error = m.log.Open(target, header.mode == MonitorMode::kAdopt);
  if (error != 0) GiveUp(SetupStage::kLog, error);
}

void JoinCgroupsOfPlan(Monitor& m, const PlanView& plan) {
  auto files = plan.list(plan.header().cgroup_procs);
  constexpr size_t kMost = 32;
  const char* paths[kMost];
  size_t count = 0;
  for (uint32_t file : files) {
    if (count < kMost) paths[count++] = plan.text(file);
  }
  size_t failed = 0;
  int error = JoinCgroups(paths, count, m.pid, &failed);
  if (error != 0) GiveUp(SetupStage::kCgroup, error);
}

void SendWord(const Monitor& m, uint32_t word) {
  if (write(m.release_fd, &word, sizeof word) != sizeof word) {
    // The child failed before it waited; its report says why.
  }
}

// -1, with errno: the state cannot be written.
int Publish(const Monitor& m, uint64_t start_time, bool ready) {
  const PlanHeader& header = m.header();
  return PublishRunning(m.plan.text(header.state_path), {.pid = m.pid,
                                                         .start_time = start_time,
                                                         .boot_id = m.plan.text(header.boot_id),
                                                         .freezer = m.plan.text(header.freezer),
                                                         .started_at = m.started_at,
                                                         .ready = ready});
}

void PublishInit(Monitor& m) {
  m.first_state_fd = m.state_fd;
  m.state_fd = Publish(m, StartTimeOf(m.pid), false);
  if (m.state_fd < 0) GiveUp(SetupStage::kState, errno);
}

// By when who has nothing but execve left to do is heard of, or its end. Who shares its PID
// namespace can stop it all the same.
int64_t InTime(const Monitor& m) {
  constexpr int64_t kPatienceSeconds = 30;
  return ReadClock(CLOCK_MONOTONIC) +
         (kPatienceSeconds + m.header().hook_seconds) * int64_t{1'000'000'000};
}

// The init has made all ready for another process, which is in the PID namespace of others: who may
// trace it there may speak for it. 0, or an errno.
int FollowInit(Monitor& m, pid_t pid) {
  siginfo_t info{};
  if (m.header().forks == 0 || m.followed || pid == m.pid) return EPROTO;
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno;
  // It is our child and not reaped yet: the number is still its own.
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return errno;
  while (waitpid(m.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  close(m.pidfd);
  m.pid = cloned_init = pid;
  m.pidfd = pidfd;
  m.followed = true;
  m.heard_by = InTime(m);
  PublishInit(m);
  FailPoint(kFollowFailPoint);
  SendWord(m, 1);
  close(m.release_fd);
  return 0;
}

void KeepTerminal(Monitor& m) {
  m.keeper =
      StartKeeper({m.plan.text(m.header().run_dir), m.streams.in, m.pidfd, m.name, m.child.plans});
  FailPoint("monitor-keeper-started");
}

// False: nothing comes in time. Whose start nobody waits for any more is killed: it may hang in
// what others have made of its paths.
bool HearsInTime(Monitor& m) {
  while (true) {
    pollfd slots[] = {{m.status_fd, POLLIN, 0}, {m.abandoned ? -1 : kStartFd, 0, 0}};
    int64_t left = -1;  // milliseconds: for ever
    if (m.heard_by != 0) left = (m.heard_by - ReadClock(CLOCK_MONOTONIC)) / 1'000'000 + 1;
    if (m.heard_by != 0 && left < 0) left = 0;
    int ready = poll(slots, 2, left < INT_MAX ? static_cast<int>(left) : INT_MAX);
    if (ready < 0 && errno != EINTR) return true;
    if (ready == 0) return false;
    if (ready < 0) continue;
    if (slots[0].revents != 0) return true;
    m.abandoned = true;
    m.heard_by = InTime(m);
    kill(m.pid, SIGKILL);
  }
}

StartMessage Failure(SetupStage stage, int error) {
  return {StartMessageKind::kSetup, static_cast<uint32_t>(stage), error, 0};
}

void TakeTerminal(Monitor& m, int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  m.streams.out[0] = fd;
  m.streams.in = fd;
  if (m.header().forks == 0) KeepTerminal(m);
}

// True: it goes on. False: `message` says why not. Who may trace it can speak for it: what does not
// belong there is no message.
bool HearChild(Monitor& m, StartMessage& message) {
  if (!HearsInTime(m)) {
    message = Failure(SetupStage::kHeldUp, 0);
    return false;
  }
  int fd = -1;
  ssize_t count = ReceivePacket(m.status_fd, &message, sizeof message, &fd);
  if (count < 0) {
    // Without its terminal nobody would ever hear of it.
    message = Failure(SetupStage::kStreams, errno);
    return false;
  }
  bool whole = count == sizeof message;
  if (whole && message.kind == StartMessageKind::kTerminal && fd >= 0 && m.header().terminal != 0 &&
      m.streams.out[0] < 0) {
    TakeTerminal(m, fd);
    return true;
  }
  if (fd >= 0) close(fd);
  if (whole && message.kind == StartMessageKind::kForked) {
    int error = FollowInit(m, static_cast<pid_t>(message.value));
    if (error != 0) message = Failure(SetupStage::kClone, error);
    if (error == 0 && m.streams.terminal) KeepTerminal(m);
    if (error == 0 && m.abandoned) kill(m.pid, SIGKILL);
    return error == 0;
  }
  bool fails = whole && (message.kind == StartMessageKind::kFailed ||
                         message.kind == StartMessageKind::kSetup);
  if (count == 0) {
    message = {};
  } else if (!fails) {
    message = Failure(SetupStage::kClone, EPROTO);
  }
  return false;
}

// Then its cgroup is free. But it may hang in the kernel, and what others of its PID namespace
// trace is theirs to reap first, who may never do so.
void AwaitKilled(const Monitor& m) {
  constexpr int kPatienceMs = 10'000;
  pollfd slot{m.pidfd, POLLIN, 0};
  while (poll(&slot, 1, kPatienceMs) < 0 && errno == EINTR) {
  }
  waitpid(m.pid, nullptr, WNOHANG);
}

// The built-in init executes nothing: what its child does is not seen.
bool RunsReaper(const Monitor& m) {
  for (const Step& step : m.plan.steps()) {
    if (step.kind == StepKind::kReaper) return true;
  }
  return false;
}

bool WasKilledBefore(const Monitor& m) {
  if (m.header().forks != 0 && !m.followed) return true;
  return !RunsReaper(m) && !HasExecuted(m.pid);
}

}  // namespace

bool Tell(const StartMessage& message) {
  return send(kStartFd, &message, sizeof message, MSG_NOSIGNAL) == sizeof message;
}

void GiveUp(SetupStage stage, int error) {
  if (cloned_init > 0) kill(cloned_init, SIGKILL);
  Tell({StartMessageKind::kSetup, static_cast<uint32_t>(stage), error, 0});
  _exit(1);
}

void CloneInit(Monitor& m, const PlanView& ahead) {
  OpenStdin(m);
  for (uint32_t i = 0; i < ahead.header().joined; ++i) {
    m.child.join_fds[i] = TakeFirst(*m.child.passed);
  }
  int status[2];
  int release[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) != 0 ||
      pipe2(release, O_CLOEXEC) != 0) {
    GiveUp(SetupStage::kClone, errno);
  }
  m.child.status_fd = status[1];
  m.child.release_fd = release[0];
  m.status_fd = status[0];
  m.release_fd = release[1];
  int cgroup_fd = -1;
  if (const char* directory = ahead.text(ahead.header().cgroup_dir); directory != nullptr) {
    cgroup_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  bool joined = false;
  m.pid = CloneProcess(ahead.header().clone_flags, cgroup_fd, &m.pidfd, &joined);
  if (m.pid < 0) GiveUp(SetupStage::kClone, errno);
  if (m.pid == 0) {
    // The built-in init never execs: nothing closes these for it.
    close(m.status_fd);
    close(m.release_fd);
    close(m.streams.in);
    close(kLockFd);
    close(kStartFd);
    if (cgroup_fd >= 0) close(cgroup_fd);
    if (m.streams.client >= 0) close(m.streams.client);
    RunInit(ahead, m.child);
  }
  cloned_init = m.pid;
  close(status[1]);
  close(release[0]);
  close(m.child.streams[0]);
  CloseHostDescriptors(m.child);
  // For what starts it again, which we become.
  for (int i = 0; ahead.header().keep_streams != 0 && i < 3; ++i) dup2(m.child.passed->fds[i], i);
  for (size_t i = 0; i < m.child.passed->count; ++i) close(m.child.passed->fds[i]);
  if (cgroup_fd >= 0) close(cgroup_fd);
  FailPoint("monitor-cloned");
  if (!joined) JoinCgroupsOfPlan(m, ahead);
}

void StartInit(Monitor& m) {
  SendWord(m, static_cast<uint32_t>(m.plan.base() - m.child.plans));
  OpenStreams(m);
  OpenLog(m);
  m.started_at = ReadClock(CLOCK_REALTIME);
  m.oom_kills_before = ReadOomKills(m.plan.text(m.header().oom_path));
  bool forks = m.header().forks != 0;
  PublishInit(m);
  FailPoint("monitor-published");
  SendWord(m, 1);
  if (!forks) close(m.release_fd);
  // While the init is at work. Without it the container runs, and cannot be attached to.
  m.streams.listener = ListenInDirectory(m.plan.text(m.header().run_dir), kAttachSocket);
}

bool AwaitExec(Monitor& m, bool* told) {
  *told = true;
  StartMessage message{};
  while (HearChild(m, message)) {
  }
  if (message.kind == StartMessageKind::kStarted) {  // its end-of-file, by execve or by its end
    close(m.status_fd);
    m.never_ran = WasKilledBefore(m);
    if (m.never_ran) kill(m.pid, SIGKILL);  // who may trace it can have closed it for it
    return true;
  }
  kill(m.pid, SIGKILL);
  *told = Tell(message);
  AwaitKilled(m);
  EndKeeper(m.keeper);
  return false;
}

void AdoptInit(Monitor& m) {
  OpenStreams(m);
  OpenLog(m);
  m.pid = static_cast<pid_t>(m.header().adopted_pid);
  m.pidfd = static_cast<int>(syscall(SYS_pidfd_open, m.pid, 0));
  if (m.pidfd < 0 || StartTimeOf(m.pid) != m.header().adopted_start_time) {
    GiveUp(SetupStage::kClone, ESRCH);
  }
  m.started_at = m.header().adopted_started_at;
  m.state_fd = Publish(m, m.header().adopted_start_time, true);
  if (m.state_fd < 0) GiveUp(SetupStage::kState, errno);
  close(kLockFd);  // whoever looks now finds us
  m.streams.listener = ListenInDirectory(m.plan.text(m.header().run_dir), kAttachSocket);
  if (!m.streams.terminal) return;
  m.streams.in = m.streams.out[0] = TakeFromKeeper(m.plan.text(m.header().run_dir));
}

}  // namespace hoy::core
