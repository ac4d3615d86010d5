#include "core/engine/exec.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/cgroup/cgroup.h"
#include "core/cgroup/kill_leaf.h"
#include "core/engine/adopt.h"
#include "core/engine/attach.h"
#include "core/engine/exec_peer.h"
#include "core/engine/exec_plan.h"
#include "core/engine/lifecycle.h"
#include "core/engine/process_plan.h"
#include "core/engine/resolve.h"
#include "core/engine/run_directory.h"
#include "core/engine/spawn_monitor.h"
#include "core/engine/start_failure.h"
#include "core/engine/state_rules.h"
#include "core/rootfs/executable.h"
#include "core/state/container_id.h"
#include "core/state/event_log.h"
#include "core/state/secrets.h"
#include "core/sys/clock.h"

namespace hoy::core {
namespace {

Result<> AddPipe(Fd& read_end, Fd& write_end) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) return FailErrno("pipe", "exec");
  read_end.reset(pipe[0]);
  write_end.reset(pipe[1]);
  return {};
}

Result<ExecStreams> MakeStreams(const JoinRequest& request) {
  ExecStreams streams;
  if (request.detach || request.terminal) return streams;  // a pty comes from inside
  if (request.stdin_open) {
    TRY(AddPipe(streams.theirs[0], streams.ours.in));
    fcntl(streams.ours.in.get(), F_SETFL, O_NONBLOCK);
  }
  TRY(AddPipe(streams.ours.out[0], streams.theirs[1]));
  TRY(AddPipe(streams.ours.out[1], streams.theirs[2]));
  for (const Fd& fd : streams.ours.out) fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return streams;
}

// To the process that has them already: their owner, so that it may open /dev/stdout again.
Result<> GiveStreams(ExecStreams& streams, const ResolvedUser& user) {
  for (Fd& fd : streams.theirs) {
    if (fd && user.uid != 0 && fchown(fd.get(), user.uid, user.gid) != 0) {
      return FailErrno("change owner", "pipe");
    }
    fd.reset();
  }
  return {};
}

Result<ResolvedProcess> ResolveInside(pid_t init, const ProcessConfig& process) {
  TRY(LayeredRoot root, LayeredRoot::Open({fmt::format("/proc/{}/root", init)}));
  return ResolveProcess(root, process);
}

Error ExplainFailure(pid_t init, const ProcessConfig& process, const ResolvedProcess& resolved,
                     const StartChannel& channel, const StartMessage& message) {
  StepDescription step = channel.Describe(message);
  StartFailure failure{std::string(step.stage), static_cast<int>(message.value), step.subject};
  auto root = LayeredRoot::Open({fmt::format("/proc/{}/root", init)});
  return ExplainStartFailure(root ? &*root : nullptr, process, &resolved.user, failure);
}

// A list that cannot be written is no reason not to run.
void PublishSession(const JoiningProcess& joining, pid_t pid, const ExecRequest& request) {
  auto identity = IdentityOf(pid);
  if (!identity) return;  // it has ended already
  const ProcessConfig& process = request.process;
  (void)PublishExecSession(joining.place, {.id = joining.place.session_id,
                                           .process = *std::move(identity),
                                           .started_at = Now(),
                                           .command = process.args,
                                           .user = process.user,
                                           .terminal = process.terminal,
                                           .stdin_open = process.stdin_open,
                                           .privileged = request.privileged});
}

enum class News { kStart, kGuard, kNone };

// Who has something to say of a start. Its guard first: it speaks for nobody else, and has named
// the process before the channel can end. Once the guard has nothing more to say, all is said:
// whoever else has got hold of the channel's other end keeps it open for nothing.
Result<News> AwaitNews(const Deadline& deadline, const JoiningProcess& joining, bool guard_ended) {
  while (true) {
    pollfd slots[] = {{joining.child.channel.socket().get(), POLLIN, 0},
                      {guard_ended ? -1 : joining.guard.get(), POLLIN, 0}};
    int ready = poll(slots, 2, guard_ended ? 0 : deadline.PollTimeout());
    if (ready < 0 && errno != EINTR) return FailErrno("poll", "exec");
    if (ready > 0) return slots[1].revents != 0 ? News::kGuard : News::kStart;
    if (guard_ended && ready == 0) return News::kNone;
    if (deadline.Passed()) return Fail(ErrorKind::kTimeout, "its program was not run in time");
  }
}

// As docker, with the command in the action: "exec_start: sh -c ls".
void RecordExec(const Layout& layout, const ContainerRecord& record, std::string_view action,
                const ProcessConfig& process, const std::string& session) {
  RecordContainerEvent(layout, record, fmt::format("{}: {}", action, hoy::Join(process.args, " ")),
                       {{"execID", session}});
}

Error NotRunning(const Layout& layout, std::string_view id) {
  std::string name = ShownName(layout, id);
  return MakeError(ErrorKind::kConflict, fmt::format("container {} is not running", name))
      .WithHint(fmt::format("hoy start {}", name));
}

// Whatever it was that failed: where the container has ended meanwhile, that is why.
Error UnlessItEnded(const Layout& layout, const JoiningProcess& joining, Error error) {
  return IsEnding(joining.init, joining.init_pid) ? NotRunning(layout, joining.container) : error;
}

Result<> Join(const Layout& layout, JoiningProcess& joining, const JoinRequest& request,
              pid_t monitor) {
  const std::string& id = joining.container;
  joining.passes_fds = !request.passed_fds.empty();
  TRY(joining.streams, MakeStreams(request));
  TRY(AttachPair guard, MakeAttachPair());
  const Fd* streams = joining.streams.theirs;
  TRY(joining.child,
      SpawnMonitor({.label = std::string(ShortId(id)),
                    .attach = guard.monitor,
                    .join = joining.init,
                    .streams = {streams[0].get(), streams[1].get(), streams[2].get()},
                    .sibling = monitor}));
  // It ends by itself when we are gone, and takes its traces with it.
  pid_t guard_pid = joining.child.process.pid();
  joining.child.process.Release();
  joining.guard = std::move(guard.client);
  guard.monitor.reset();
  TRY(joining.cgroup, ReadCgroupLocation(layout, id));
  joining.place = ChooseExecPlace(layout, id, joining.cgroup, guard_pid);
  JoinInput input{joining.place, request.timeout_ms, {}};
  if (request.detach || request.terminal) {
    input.ended_argv = ExecEndedCommand(layout, id, joining.place.session_id);
  }
  return joining.child.channel.SendPlan(BuildJoinPlan(input).Serialize(), request.passed_fds);
}

}  // namespace

void RecordExecDie(const Layout& layout, const ContainerSummary& container,
                   const std::string& session, int exit_code) {
  RecordContainerEvent(layout, container, "exec_die",
                       {{"execID", session}, {"exitCode", std::to_string(exit_code)}});
}

Result<ProcessConfig> DefaultExecProcess(const Layout& layout, const ContainerRecord& record) {
  ProcessConfig process = record.config.process;
  TRY(std::vector<std::string> secrets, ReadSecretVariables(layout, record));
  for (const std::string& entry : secrets) SetVariable(process.env, entry);
  process.args.clear();
  process.terminal = false;
  process.stdin_open = false;
  return process;
}

Result<JoiningProcess> JoinContainer(const Layout& layout, std::string_view id,
                                     const JoinRequest& request) {
  TRY(ContainerStatus status, HealStarted(layout, id));
  TRY(Permit(Verb::kExec, status.state, layout, id));
  std::optional<Fd> init;
  if (status.run) {
    TRY(init, OpenProcess(status.run->init));
  }
  if (!init) return Fail(NotRunning(layout, id));
  JoiningProcess joining;
  joining.container = id;
  joining.init = *std::move(init);
  joining.init_pid = status.run->init.pid;
  auto joined = Join(layout, joining, request, status.run->monitor.pid);
  if (joined) return joining;
  return Fail(UnlessItEnded(layout, joining, std::move(joined).error()));
}

Result<Fd> RunJoined(const Layout& layout, JoiningProcess& joining, const ContainerRecord& record,
                     const ExecRequest& request, const Deadline& deadline) {
  const ProcessConfig& process = request.process;
  const std::string& session = joining.place.session_id;
  pid_t init_pid = joining.init_pid;
  ExecStreams& streams = joining.streams;
  StartChannel& channel = joining.child.channel;
  ExecInput input;
  input.process = &process;
  input.passes_fds = joining.passes_fds;
  TRY(input.resolved, ResolveInside(init_pid, process));
  SeccompProgram seccomp;
  if (!request.privileged) {
    TRY(seccomp, ResolveSeccomp(record.config.seccomp, process.capabilities));
  }
  input.seccomp = seccomp.instructions();
  if (auto size = WindowOf(STDOUT_FILENO); size && process.terminal) {
    input.rows = size->rows;
    input.columns = size->columns;
  }
  TRY(GiveStreams(streams, input.resolved.user));
  TRY(channel.SendLastPlan(BuildExecPlan(input).Serialize()));
  Fd running;
  bool guard_ended = false;
  auto take_forked = [&]() -> Result<bool> {
    TRY(std::optional<GuardedProcess> forked, TakeForked(joining.guard));
    if (!forked) return false;
    running = std::move(forked->pidfd);
    // While it executes its program.
    if (!request.is_probe) RecordExec(layout, record, "exec_create", process, session);
    PublishSession(joining, forked->pid, request);
    HealExecSessions(layout, joining.container, joining.cgroup);
    return true;
  };
  while (true) {
    TRY(News news, AwaitNews(deadline, joining, guard_ended));
    if (news == News::kNone) break;
    if (news == News::kGuard) {
      TRY(bool forked, take_forked());
      guard_ended = !forked;
      continue;
    }
    TRY(StartReply reply, channel.Receive());
    if (reply.kind == StartReply::Kind::kEndOfFile) break;
    // The first one was sent before there was a process that others can speak for.
    bool is_ours = process.terminal && !streams.ours.terminal;
    if (reply.message.kind != StartMessageKind::kTerminal || !is_ours) {
      return Fail(ExplainFailure(init_pid, process, input.resolved, channel, reply.message));
    }
    streams.ours.terminal = std::move(reply.fd);
  }
  if (!running) TRY(take_forked());
  if (!running && HasTimedOut(joining.guard)) {
    return Fail(ErrorKind::kTimeout, "its time ran out before its program ran");
  }
  if (!running) {
    // Its guard was killed, and may have been after the fork.
    if (!joining.place.cgroup.directory.empty()) KillLeaf(joining.place.cgroup.directory.c_str());
    return Fail(MakeError(ErrorKind::kSystem,
                          "hoy-monitor was killed before the program ran in the container")
                    .WithHint("nothing of it is left: run it again"));
  }
  if (!request.is_probe) RecordExec(layout, record, "exec_start", process, session);
  return running;
}

Result<int> ExecInContainer(const Layout& layout, JoiningProcess joining,
                            const ContainerRecord& record, const ExecRequest& request) {
  auto running = RunJoined(layout, joining, record, request);
  if (!running && running.error().kind == ErrorKind::kTimeout) return kTimeoutExitCode;
  if (!running) return Fail(UnlessItEnded(layout, joining, std::move(running).error()));
  Fd pidfd = *std::move(running);
  ExecStreams& streams = joining.streams;
  using End = SessionPeer::End;
  streams.ours.process = pidfd;
  streams.ours.guard = joining.guard;
  ExecPeer peer(std::move(streams.ours));
  End end{End::Kind::kDetached, 0};
  if (!request.detach) {
    // Until here a signal ends us, and the guard the session: the container may hold up its start.
    BlockedSignals signals;
    SessionOptions options;
    options.interactive = request.process.stdin_open;
    options.terminal = request.process.terminal;
    options.detach_keys = request.detach_keys;
    options.process = pidfd;
    options.deaf = request.deaf;
    TRY(end, RunSession(peer, signals, options));
    if (end.kind == End::Kind::kLeft) return end.exit_code;  // its guard ends it when we have
  }
  bool detached = end.kind == End::Kind::kDetached;
  if (detached) {
    TRY(std::optional<End> ended, ExecPeer::Detach(joining.guard, peer.terminal()));
    if (!ended) {
      // By its keys: who asked for --detach was never on it.
      if (!request.detach) {
        RecordContainerEvent(layout, record, "exec_detach", {{"execID", joining.place.session_id}});
      }
      return 0;
    }
    end = *ended;
  }
  if (end.kind == End::Kind::kExited) {
    RecordExecDie(layout, record.Summary(), joining.place.session_id, end.exit_code);
    return detached ? 0 : end.exit_code;
  }
  // Nobody is left to keep what the session was promised.
  TRY(SendSignal(pidfd, SIGKILL));
  const std::string& leaf = joining.place.cgroup.directory;
  if (!leaf.empty()) KillLeaf(leaf.c_str());
  return Fail(ErrorKind::kSystem,
              "hoy-monitor, which guarded the session, was killed; so was the session");
}

}  // namespace hoy::core
