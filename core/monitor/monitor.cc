#include "core/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
#include "core/monitor/exec_guard.h"
#include "core/monitor/exit_status.h"
#include "core/monitor/helper_timer.h"
#include "core/monitor/publish.h"
#include "core/monitor/pump.h"
#include "core/monitor/read_clock.h"
#include "core/monitor/run_socket.h"
#include "core/monitor/shield.h"
#include "core/monitor/take_init.h"
#include "core/monitor/wiring.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr int kTimeoutExitCode = 124;
constexpr int kUnknownExitCode = 255;

// What hoy writes there later shows in the mapping (mmap(2) leaves that open; Linux shows the page
// cache until the page is written to). The mapping stays; its descriptor does not. It is private:
// a process of ours that the container can trace has it, too, and whatever is made to write there
// gets pages of its own.
const char* MapPlans() {
  void* base = mmap(nullptr, kPlanSpace, PROT_READ, MAP_PRIVATE, kPlansFd, 0);
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
  if (count != sizeof order) GiveUp(SetupStage::kPlan, ECANCELED);
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
    // What others of its PID namespace trace is theirs to reap first, and they may never do so.
    pid_t reaped = 0;
    while ((reaped = wait4(m.pid, &status, WNOHANG, &usage)) < 0 && errno == EINTR) {
    }
    if (reaped == 0) facts.known = ReadForeignExit(m.pidfd, m.pid, StartTimeOf(m.pid), &status);
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

// Pumps until the init is gone. True: it was killed because its time ran out.
bool PumpUntilExit(Monitor& m, Pump& pump, Wiring& wiring) {
  const PlanHeader& header = m.header();
  Resolver& resolver = wiring.resolver();
  Forwarder& forwarder = wiring.forwarder();
  int64_t deadline = INT64_MAX;
  if (header.timeout_seconds > 0) {
    deadline = ReadClock(CLOCK_MONOTONIC) + header.timeout_seconds * int64_t{1'000'000'000};
  }
  HelperTimer probes(m.plan, header.probe_argv, header.probe_first_ns, header.probe_period_ns);
  HelperTimer syncs(m.plan, header.sync_argv, header.sync_period_ns, header.sync_period_ns);
  bool timed_out = false;
  while (true) {
    constexpr int kOwnSlots = 5;
    pollfd slots[kOwnSlots + Pump::kMaxPollSlots];
    slots[0] = {m.pidfd, POLLIN, 0};
    slots[1] = {probes.fd(), POLLIN, 0};
    slots[2] = {resolver.fd(), POLLIN, 0};
    slots[3] = {syncs.fd(), POLLIN, 0};
    slots[4] = {forwarder.fd(), POLLIN, 0};
    int count = kOwnSlots + pump.Prepare(slots + kOwnSlots);
    int64_t next = probes.due() < syncs.due() ? probes.due() : syncs.due();
    if (int64_t due = resolver.due(); due < next) next = due;
    if (int64_t due = forwarder.due(); due < next) next = due;
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
    if (ready > 0 && slots[3].revents != 0) syncs.Hear();
    if (ready > 0 && slots[4].revents != 0) forwarder.Handle();
    if (next == INT64_MAX) continue;
    int64_t now = ReadClock(CLOCK_MONOTONIC);
    if (now >= probes.due()) probes.Start();
    if (now >= syncs.due()) syncs.Start();
    if (now >= resolver.due()) resolver.Handle();
    if (now >= forwarder.due()) forwarder.Handle();
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

// What goes ahead takes the helper into the container. Then the rest, which ends in kExec.
void RunSession(const PlanView& ahead, ChildContext& context) {
  RunSteps(ahead, context);
  // From here on paths are the container's, and /proc/self/fd would lead it to the host.
  CloseHostDescriptors(context);
  while (true) RunSteps(ViewPlan(context.plans, ReceiveOrder()), context);
}

[[noreturn]] void RunDirect(const char* plans, PlanView plan, PacketFds* passed) {
  ChildContext context;
  context.plans = plans;
  context.passed = passed;
  context.status_fd = kStartFd;
  context.join_fds[0] = kJoinFd;
  for (int stream : {0, 1, 2}) context.streams[stream] = stream;
  HoldSession(plan, context, RunSession);
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
    AdoptInit(m);
  } else {
    StartInit(m);
    if (!AwaitExec(m, &told)) {
      if (!told) ExecCleanup(m);
      _exit(1);
    }
    if (!m.never_ran) PublishReady(m.state_fd);
  }
  AwaitKeeper(m.keeper);
  FailPoint("monitor-running");
  if (!m.never_ran) told = Tell({StartMessageKind::kStarted, 0, m.pid, 0, m.log.end()});
  if (plan.header().mode == MonitorMode::kStart) {
    if (told && !m.never_ran) {
      close(kLockFd);
    } else {
      // Nobody will ever learn of this container: it must not run on. The lock is held until its
      // end is published, so that the next start does not take it for a running one.
      kill(m.pid, SIGKILL);
    }
  }
  if (!m.never_ran) close(kStartFd);
  ShieldFromOomKiller();

  static Wiring wiring;
  wiring.Start(m.plan, *held, m.name);
  static Pump pump(m.streams, m.log, wiring);
  bool timed_out = PumpUntilExit(m, pump, wiring);
  wiring.forwarder().Stop();
  FailPoint("monitor-exited");
  ExitFacts facts = CollectExit(m, timed_out);
  pump.Drain();
  m.log.Finish();
  facts.log_lost = static_cast<int64_t>(m.log.loss().bytes);
  facts.log_lost_unmarked = static_cast<int64_t>(m.log.loss().unmarked);
  if (plan.header().durable != 0) m.log.Sync();
  FailPoint("monitor-drained");
  if (m.first_state_fd >= 0) PublishExit(m.first_state_fd, nullptr, false, facts);
  PublishExit(m.state_fd, plan.text(plan.header().exit_path), plan.header().durable != 0, facts);
  FailPoint("monitor-exit-published");
  if (m.never_ran) {
    Tell({StartMessageKind::kNeverRan, facts.oom_killed ? 1U : 0U, m.pid, 0});
    close(kStartFd);
  }
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
