#include "core/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fail_point.h"
#include "core/cgroup/join.h"
#include "core/cgroup/kill_leaf.h"
#include "core/init/interpreter.h"
#include "core/init/plan_view.h"
#include "core/monitor/attach_protocol.h"
#include "core/monitor/clone_process.h"
#include "core/monitor/exec_guard.h"
#include "core/monitor/exit_status.h"
#include "core/monitor/init_process.h"
#include "core/monitor/keeper.h"
#include "core/monitor/log_writer.h"
#include "core/monitor/probe_timer.h"
#include "core/monitor/publish.h"
#include "core/monitor/pump.h"
#include "core/monitor/read_clock.h"
#include "core/monitor/resolver.h"
#include "core/monitor/run_helper.h"
#include "core/monitor/run_socket.h"
#include "core/monitor/shield.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr int kTimeoutExitCode = 124;
constexpr int kUnknownExitCode = 255;
constexpr int kPipeCapacity = 256 * 1024;

struct Monitor {
  PlanView plan;  // kStart or kAdopt
  ChildContext child;
  Pump::Descriptors streams;
  LogWriter log;
  ArgumentVector packer;
  pid_t pid = 0;
  int pidfd = -1;
  int status_fd = -1;   // our end of the child's status socket
  int release_fd = -1;  // our end of the child's release pipe
  int state_fd = -1;
  int64_t started_at = 0;
  uint64_t oom_kills_before = 0;
  Keeper keeper;         // of the pty, when it is our child
  char* name = nullptr;  // argv[0]

  explicit Monitor(const char* plans) : plan(plans) { child.plans = plans; }
  const PlanHeader& header() const { return plan.header(); }
};

// False: hoy is not there to hear it.
bool Tell(const StartMessage& message) {
  return send(kStartFd, &message, sizeof message, MSG_NOSIGNAL) == sizeof message;
}

[[noreturn]] void GiveUp(SetupStage stage, int error) {
  Tell({StartMessageKind::kSetup, static_cast<uint32_t>(stage), error, 0});
  _exit(1);
}

// What hoy writes there later shows in the mapping. The mapping stays; its descriptor does not.
const char* MapPlans() {
  void* base = mmap(nullptr, kPlanSpace, PROT_READ, MAP_SHARED, kPlansFd, 0);
  if (base == MAP_FAILED) GiveUp(SetupStage::kPlan, errno);
  close(kPlansFd);
  return static_cast<const char*>(base);
}

PlanView ViewPlan(const char* plans, uint32_t offset) {
  PlanView plan(plans + offset);
  if (plan.header().magic != kPlanMagic || plan.header().version != kPlanVersion) {
    GiveUp(SetupStage::kPlan, EPROTO);
  }
  return plan;
}

// Waits until hoy has decided. Its end-of-file: it gave up, and so do we.
uint32_t ReceiveOrder(PacketFds* passed) {
  PlanOrder order{};
  ssize_t count = ReceivePacket(kStartFd, &order, sizeof order, passed);
  if (count < 0) GiveUp(SetupStage::kPlan, errno);
  if (count != sizeof order) _exit(0);
  return order.offset;
}

uint32_t ReceiveOrder() {
  PacketFds none;
  return ReceiveOrder(&none);
}

// The user's own descriptors. A number of MonitorFd that is not in use is free, and a descriptor
// that came to have it would be taken for what the number names.
void MoveUp(PacketFds& passed) {
  for (size_t i = 0; i < passed.count; ++i) {
    int low = passed.fds[i];
    passed.fds[i] = fcntl(low, F_DUPFD_CLOEXEC, kPlansFd + 1);
    if (passed.fds[i] < 0) GiveUp(SetupStage::kPlan, errno);
    close(low);
  }
}

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
  if (error == 0) return;
  kill(m.pid, SIGKILL);
  GiveUp(SetupStage::kCgroup, error);
}

// Clones the init, which carries out what goes ahead and then waits.
void CloneInit(Monitor& m, const PlanView& ahead) {
  OpenStdin(m);
  if (ahead.header().joins_network != 0) m.child.join_fd = TakeFirst(*m.child.passed);
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
  close(status[1]);
  close(release[0]);
  close(m.child.streams[0]);
  if (m.child.join_fd >= 0) close(m.child.join_fd);
  // For what starts it again, which we become.
  for (int i = 0; ahead.header().keep_streams != 0 && i < 3; ++i) dup2(m.child.passed->fds[i], i);
  for (size_t i = 0; i < m.child.passed->count; ++i) close(m.child.passed->fds[i]);
  if (cgroup_fd >= 0) close(cgroup_fd);
  FailPoint("monitor-cloned");
  if (!joined) JoinCgroupsOfPlan(m, ahead);
}

void SendWord(const Monitor& m, uint32_t word) {
  if (write(m.release_fd, &word, sizeof word) != sizeof word) {
    // The child failed before it waited; its report says why.
  }
}

// Lets the init into its plan. The state is on disk before it may pass its kAwaitRelease.
void StartInit(Monitor& m) {
  SendWord(m, static_cast<uint32_t>(m.plan.base() - m.child.plans));
  OpenStreams(m);
  OpenLog(m);
  m.started_at = ReadClock(CLOCK_REALTIME);
  m.oom_kills_before = ReadOomKills(m.plan.text(m.header().oom_path));
  m.state_fd =
      PublishRunning(m.plan.text(m.header().state_path),
                     {m.pid, StartTimeOf(m.pid), m.plan.text(m.header().boot_id), m.started_at});
  if (m.state_fd < 0) {
    int error = errno;
    kill(m.pid, SIGKILL);
    GiveUp(SetupStage::kState, error);
  }
  FailPoint("monitor-published");
  SendWord(m, 1);
  close(m.release_fd);
  // While the init is at work. Without it the container runs, and cannot be attached to.
  m.streams.listener = ListenInDirectory(m.plan.text(m.header().run_dir), kAttachSocket);
}

// True: the init has exec'd. False: it failed, and hoy was told (or is gone).
bool AwaitExec(Monitor& m, bool* told) {
  *told = true;
  while (true) {
    StartMessage message{};
    int fd = -1;
    ssize_t count = ReceivePacket(m.status_fd, &message, sizeof message, &fd);
    if (count == 0) break;
    if (count < 0) {
      // Without its terminal nobody would ever hear of it.
      message = {StartMessageKind::kSetup, static_cast<uint32_t>(SetupStage::kStreams), errno, 0};
      kill(m.pid, SIGKILL);
    } else if (message.kind == StartMessageKind::kTerminal) {
      fcntl(fd, F_SETFL, O_NONBLOCK);
      m.streams.out[0] = fd;
      m.streams.in = fd;
      m.keeper = StartKeeper({m.plan.text(m.header().run_dir), fd, m.pidfd, m.name, m.child.plans});
      FailPoint("monitor-keeper-started");
      continue;
    }
    *told = Tell(message);
    return false;
  }
  close(m.status_fd);
  return true;
}

void FillUsage(ExitFacts& facts, const rusage& usage) {
  facts.user_cpu_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec;
  facts.system_cpu_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
  facts.max_rss_kib = usage.ru_maxrss;
}

ExitFacts CollectExit(Monitor& m, bool timed_out) {
  ExitFacts facts;
  int status = 0;
  rusage usage{};
  if (m.header().mode == MonitorMode::kAdopt) {
    facts.known = ReadForeignExit(m.pidfd, m.pid, m.header().adopted_start_time, &status);
  } else {
    while (wait4(m.pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    FillUsage(facts, usage);
  }
  if (facts.known) {
    facts.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    facts.exit_code = facts.signal != 0 ? 128 + facts.signal : WEXITSTATUS(status);
    facts.core_dumped = facts.signal != 0 && WCOREDUMP(status);
  }
  if (timed_out) {
    facts.known = true;
    facts.timed_out = true;
    facts.exit_code = kTimeoutExitCode;
  }
  facts.oom_killed = ReadOomKills(m.plan.text(m.header().oom_path)) > m.oom_kills_before;
  facts.started_at = m.started_at;
  facts.finished_at = ReadClock(CLOCK_REALTIME);
  return facts;
}

// Where the container's programs ask for names, if they can. The rest of what came is only held.
void StartResolver(const PlanView& plan, const PacketFds& held, Resolver& resolver) {
  if (plan.header().hosts_path == 0 || held.count < 2) return;
  resolver.Start(held.fds[0], held.fds[1], plan.text(plan.header().hosts_path),
                 plan.text(plan.header().servers_path));
}

// Pumps until the init is gone. True: it was killed because its time ran out.
bool PumpUntilExit(Monitor& m, Pump& pump, Resolver& resolver) {
  int64_t deadline = INT64_MAX;
  if (m.header().timeout_seconds > 0) {
    deadline = ReadClock(CLOCK_MONOTONIC) + m.header().timeout_seconds * int64_t{1'000'000'000};
  }
  ProbeTimer probes(m.plan);
  bool timed_out = false;
  while (true) {
    constexpr int kOwnSlots = 3;
    pollfd slots[kOwnSlots + Pump::kMaxPollSlots];
    slots[0] = {m.pidfd, POLLIN, 0};
    slots[1] = {probes.fd(), POLLIN, 0};
    slots[2] = {resolver.fd(), POLLIN, 0};
    int count = kOwnSlots + pump.Prepare(slots + kOwnSlots);
    int64_t next = probes.due();
    if (int64_t due = resolver.due(); due < next) next = due;
    if (!timed_out && deadline < next) next = deadline;
    int wait_ms = -1;
    if (next != INT64_MAX) {
      int64_t left = (next - ReadClock(CLOCK_MONOTONIC)) / 1'000'000 + 1;
      wait_ms = left > INT_MAX ? INT_MAX : left > 0 ? static_cast<int>(left) : 0;
    }
    int ready = poll(slots, static_cast<nfds_t>(count), wait_ms);
    if (ready < 0 && errno != EINTR) return timed_out;
    if (ready > 0) pump.Handle(slots + kOwnSlots);
    if (ready > 0 && slots[0].revents != 0) return timed_out;
    if (ready > 0 && slots[1].revents != 0) probes.Hear();
    if (ready > 0 && slots[2].revents != 0) resolver.Handle();
    if (next == INT64_MAX) continue;
    int64_t now = ReadClock(CLOCK_MONOTONIC);
    if (now >= probes.due()) probes.Start();
    if (now >= resolver.due()) resolver.Handle();
    if (!timed_out && now >= deadline) {
      timed_out = true;
      syscall(SYS_pidfd_send_signal, m.pidfd, SIGKILL, nullptr, 0);
      ThawFreezer(m.plan.text(m.header().thaw_path));
    }
  }
}

// AttachKind::kExit's.
uint64_t ExitNumber(const ExitFacts& facts) {
  if (!facts.known) return kExitUnknown | kUnknownExitCode;
  return static_cast<uint32_t>(facts.exit_code);
}

[[noreturn]] void ExecCleanup(const Monitor& m) {
  ArgumentVector argv(m.plan, m.header().cleanup_argv);
  char* envp[] = {nullptr};
  if (!argv.empty()) execve(argv.words[0], argv.words, envp);
  _exit(1);  // the next hoy command that looks at the container cleans up
}

void AdoptInit(Monitor& m) {
  m.pid = static_cast<pid_t>(m.header().adopted_pid);
  m.pidfd = static_cast<int>(syscall(SYS_pidfd_open, m.pid, 0));
  if (m.pidfd < 0 || StartTimeOf(m.pid) != m.header().adopted_start_time) {
    GiveUp(SetupStage::kClone, ESRCH);
  }
  m.started_at = m.header().adopted_started_at;
  m.state_fd = PublishRunning(
      m.plan.text(m.header().state_path),
      {m.pid, m.header().adopted_start_time, m.plan.text(m.header().boot_id), m.started_at});
  if (m.state_fd < 0) GiveUp(SetupStage::kState, errno);
  close(kLockFd);  // whoever looks now finds us
  m.streams.listener = ListenInDirectory(m.plan.text(m.header().run_dir), kAttachSocket);
  if (!m.streams.terminal) return;
  m.streams.in = m.streams.out[0] = TakeFromKeeper(m.plan.text(m.header().run_dir));
}

// What goes ahead takes the session's process into the container; its guard stays here. Then the
// rest, which ends in kExec.
[[noreturn]] void RunDirect(const char* plans, PlanView plan, PacketFds* passed) {
  ChildContext context;
  context.plans = plans;
  context.passed = passed;
  context.status_fd = kStartFd;
  context.join_fd = kJoinFd;
  for (int stream : {0, 1, 2}) context.streams[stream] = stream;
  EnterSession(plan, context);
  // From here on paths are the container's, and /proc/self/fd would lead it to the host.
  CloseHostDescriptors(context);
  while (true) {
    plan = ViewPlan(plans, ReceiveOrder());
    RunSteps(plan, context);
  }
}

[[noreturn]] void HoldContainer(const char* plans, PlanView plan, PacketFds* passed, char* name) {
  if (!Detach()) GiveUp(SetupStage::kPlan, errno);
  static Monitor m(plans);  // static: the stack stays small, and untouched pages cost nothing
  m.child.passed = passed;
  m.name = name;
  m.streams.client = fcntl(kAttachFd, F_GETFD) >= 0 ? kAttachFd : -1;
  PacketFds later;
  PacketFds* held = passed;
  if (plan.header().mode == MonitorMode::kClone) {
    CloneInit(m, plan);
    held = &later;
    plan = ViewPlan(plans, ReceiveOrder(held));
    MoveUp(*held);
  }
  m.plan = plan;
  bool told = true;
  if (plan.header().mode == MonitorMode::kAdopt) {
    OpenStreams(m);
    OpenLog(m);
    AdoptInit(m);
  } else {
    StartInit(m);
    if (!AwaitExec(m, &told)) {
      while (wait4(m.pid, nullptr, 0, nullptr) < 0 && errno == EINTR) {
      }
      EndKeeper(m.keeper);
      if (!told) ExecCleanup(m);
      _exit(1);
    }
  }
  AwaitKeeper(m.keeper);
  FailPoint("monitor-running");
  told = Tell({StartMessageKind::kStarted, 0, m.pid, 0, m.log.end()});
  if (plan.header().mode == MonitorMode::kStart) {
    if (told) {
      close(kLockFd);
    } else {
      // Nobody will ever learn of this container: it must not run on. The lock is held until its
      // end is published, so that the next start does not take it for a running one.
      kill(m.pid, SIGKILL);
    }
  }
  close(kStartFd);
  ShieldFromOomKiller();

  static Pump pump(m.streams, m.log);
  static Resolver resolver;
  StartResolver(plan, *held, resolver);
  bool timed_out = PumpUntilExit(m, pump, resolver);
  FailPoint("monitor-exited");
  ExitFacts facts = CollectExit(m, timed_out);
  pump.Drain();
  m.log.Finish();
  facts.log_lost = static_cast<int64_t>(m.log.loss().bytes);
  facts.log_lost_unmarked = static_cast<int64_t>(m.log.loss().unmarked);
  if (plan.header().durable != 0) m.log.Sync();
  FailPoint("monitor-drained");
  PublishExit(m.state_fd, plan.text(plan.header().exit_path), plan.header().durable != 0, facts);
  FailPoint("monitor-exit-published");
  EndKeeper(m.keeper);
  if (pump.Finish(ExitNumber(facts))) _exit(0);
  ExecCleanup(m);
}

}  // namespace

int MonitorMain(char* name) {
  // Whatever hoy's own caller left open is not ours to keep: a pipe that we held would never end.
  close_range(kPlansFd + 1, ~0U, 0);
  close_range(kStartFd, ~0U, CLOSE_RANGE_CLOEXEC);
  const char* plans = MapPlans();
  // hoy is still at it: what can be done before its order costs no time.
  if (fcntl(kJoinFd, F_GETFD) >= 0) PrepareSession();
  PacketFds passed;
  PlanView plan = ViewPlan(plans, ReceiveOrder(&passed));
  MoveUp(passed);
  if (plan.header().mode == MonitorMode::kDirect) RunDirect(plans, plan, &passed);
  HoldContainer(plans, plan, &passed, name);
}

}  // namespace hoy::core
