#include "core/engine/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/cgroup/cgroup.h"
#include "core/engine/exec_guard.h"
#include "core/engine/exec_peer.h"
#include "core/engine/lifecycle.h"
#include "core/engine/resolve.h"
#include "core/engine/run_directory.h"
#include "core/engine/spawn_monitor.h"
#include "core/engine/start_failure.h"
#include "core/engine/start_plan.h"
#include "core/rootfs/executable.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"
#include "core/sys/in_root.h"

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

// Whether execve(2) of it clears the parent-death signal: a set-user-ID or set-group-ID program or
// one with file capabilities, for a user who has less.
bool GainsPrivileges(pid_t init, const ProcessConfig& process, const ResolvedProcess& resolved) {
  if (resolved.user.uid == 0 || process.no_new_privileges) return false;
  auto root = OpenDirectory(fmt::format("/proc/{}/root", init));
  if (!root) return false;
  auto file = OpenInRoot(*root, resolved.executable, O_PATH);
  struct stat status{};
  if (!file || fstat(file->get(), &status) != 0) return false;
  if ((status.st_mode & (S_ISUID | S_ISGID)) != 0) return true;
  std::string path = fmt::format("/proc/self/fd/{}", file->get());
  return getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

Error ExplainFailure(pid_t init, const ProcessConfig& process, const ResolvedProcess& resolved,
                     const StartChannel& channel, const StartMessage& message) {
  StepDescription step = channel.Describe(message);
  StartFailure failure{std::string(step.stage), static_cast<int>(message.value), step.subject};
  auto root = LayeredRoot::Open({fmt::format("/proc/{}/root", init)});
  return ExplainStartFailure(root ? &*root : nullptr, process, &resolved.user, failure);
}

}  // namespace

ProcessConfig DefaultExecProcess(const ContainerRecord& record) {
  ProcessConfig process = record.config.process;
  process.args.clear();
  process.terminal = false;
  process.stdin_open = false;
  return process;
}

Result<JoiningProcess> JoinContainer(const Layout& layout, std::string_view id,
                                     const JoinRequest& request) {
  TRY(ContainerStatus status, Heal(layout, id));
  std::optional<Fd> init;
  if (status.state == ContainerState::kRunning && status.run) {
    TRY(init, OpenProcess(status.run->init));
  }
  if (!init) {
    return Fail(
        MakeError(ErrorKind::kConflict, fmt::format("container {} is not running", ShortId(id)))
            .WithHint(fmt::format("hoy start {}", ShortId(id))));
  }
  TRY(ExecStreams streams, MakeStreams(request));
  TRY(SpawnedMonitor child,
      SpawnMonitor(
          {.label = std::string(ShortId(id)),
           .join = *init,
           .streams = {streams.theirs[0].get(), streams.theirs[1].get(), streams.theirs[2].get()},
           .sibling = status.run->monitor.pid}));
  TRY(CgroupLocation cgroup, ReadCgroupLocation(layout, id));
  TRY(child.channel.SendPlan(BuildJoinPlan(cgroup).Serialize(), request.passed_fds));
  return JoiningProcess{*std::move(init), status.run->init.pid, std::move(streams),
                        std::move(child), !request.passed_fds.empty()};
}

Result<int> ExecInContainer(JoiningProcess joining, const ContainerRecord& record,
                            const ExecRequest& request) {
  const ProcessConfig& process = request.process;
  pid_t init_pid = joining.init_pid;
  ExecStreams& streams = joining.streams;
  SpawnedMonitor& child = joining.child;
  BlockedSignals signals;
  ExecInput input;
  input.process = &process;
  input.passes_fds = joining.passes_fds;
  TRY(input.resolved, ResolveInside(init_pid, process));
  SeccompProgram seccomp;
  if (!request.privileged) {
    TRY(seccomp, ResolveSeccomp(record.config.seccomp, process.capabilities));
  }
  input.seccomp = seccomp.instructions();
  TRY(StartReply joined, child.channel.Receive());
  if (joined.kind == StartReply::Kind::kEndOfFile) {
    return Fail(ErrorKind::kSystem, "hoy-monitor was killed before it had joined the container");
  }
  if (joined.message.kind != StartMessageKind::kForked) {
    return Fail(ExplainFailure(init_pid, process, input.resolved, child.channel, joined.message));
  }
  child.process = ChildProcess(static_cast<pid_t>(joined.message.value), std::move(joined.fd));
  // On a terminal the user may detach, so there the guard takes the death signal's place.
  bool may_detach = !request.detach && process.terminal;
  input.dies_with_client = !request.detach && !may_detach;
  ExecGuard guard;
  if (may_detach || (!request.detach && GainsPrivileges(init_pid, process, input.resolved))) {
    TRY(guard, ExecGuard::Start(child.process.pidfd()));
  }
  if (auto size = WindowOf(STDOUT_FILENO); size && process.terminal) {
    input.rows = size->rows;
    input.columns = size->columns;
  }
  TRY(GiveStreams(streams, input.resolved.user));
  TRY(child.channel.SendPlan(BuildExecPlan(input).Serialize()));
  while (true) {
    TRY(StartReply reply, child.channel.Receive());
    if (reply.kind == StartReply::Kind::kEndOfFile) break;
    if (reply.message.kind == StartMessageKind::kTerminal) {
      streams.ours.terminal = std::move(reply.fd);
      continue;
    }
    return Fail(ExplainFailure(init_pid, process, input.resolved, child.channel, reply.message));
  }
  if (request.detach) {
    child.process.Release();
    return 0;
  }
  streams.ours.process = child.process.pidfd();
  ExecPeer peer(std::move(streams.ours));
  SessionOptions options;
  options.interactive = process.stdin_open;
  options.terminal = process.terminal;
  options.detach_keys = request.detach_keys;
  options.process = child.process.pidfd();
  // What lives on may still come to execute a set-user-ID program.
  options.settled = [&]() -> Result<> {
    if (guard) return {};
    TRY(guard, ExecGuard::Start(child.process.pidfd()));
    return {};
  };
  TRY(SessionPeer::End end, RunSession(peer, signals, options));
  if (end.kind == SessionPeer::End::Kind::kDetached) {
    TRY(guard.Detach(peer.terminal()));
    child.process.Release();
    return 0;
  }
  TRY(ExitStatus exit, child.process.Wait());
  return end.exit_code != 0 ? end.exit_code : exit.code;
}

}  // namespace hoy::core
