#include "cli/ops/foreground.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "core/engine/lifecycle.h"
#include "core/engine/start.h"
#include "core/engine/stop.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// The monitor was killed under us: the container runs on, another monitor takes over, and its log
// has what we no longer see.
Result<int> OutliveMonitor(Context& context, const core::ContainerRecord& record) {
  context.Warn(
      fmt::format("the monitor of '{}' was killed; waiting for the container to end", record.name));
  TRY(core::ExitRecord exit, core::WaitForExit(context.layout, record.id));
  if (!exit.known) context.Warn("its exit status is unknown");
  return exit.exit_code;
}

}  // namespace

Result<> WritePidFile(const core::ContainerRecord& record, pid_t pid) {
  if (record.config.pid_file.empty()) return {};
  auto written = core::WriteFileAtomically(record.config.pid_file, fmt::format("{}\n", pid),
                                           core::Durability::kVolatile, 0644);
  if (!written) return Fail(std::move(written).error().InContext("--pidfile"));
  return {};
}

Result<int> RunInForeground(Context& context, const core::ContainerRecord& record,
                            const ForegroundOptions& options) {
  TRY(std::vector<char> detach_keys,
      core::ParseDetachKeys(options.detach_keys.value_or(std::string(core::kDefaultDetachKeys))));
  core::BlockedSignals signals;
  TRY(core::AttachPair pair, core::MakeAttachPair());
  core::StartRequest request;
  request.attach = pair.monitor;
  if (auto window = core::WindowOf(STDOUT_FILENO); window && record.config.process.terminal) {
    request.rows = window->rows;
    request.columns = window->columns;
  }
  if (options.passed != nullptr) {
    request.passed_fds = options.passed->fds;
    request.env = ListenVariables(*options.passed, record);
  }
  TRY(core::StartedContainer started, core::StartContainer(context.layout, record, request));
  pair.monitor.reset();
  if (options.passed != nullptr) ClosePassedFds(*options.passed);
  TRY(WritePidFile(record, started.pid));
  Fd init(static_cast<int>(syscall(SYS_pidfd_open, started.pid, 0)));
  bool only_input = !options.shown.out && !options.shown.err;
  if (only_input) {
    context.out.Print("{}\n", record.id);
    TRY(context.out.Flush());
  }
  core::MonitorPeer peer(std::move(pair.client), init, options.shown);
  core::SessionOptions session;
  session.interactive = options.interactive;
  session.ends_with_input = only_input;
  session.terminal = record.config.process.terminal;
  session.proxy_signals = options.proxy_signals;
  session.detach_keys = std::move(detach_keys);
  session.process = init;
  auto end = core::RunSession(peer, signals, session);
  if (!end || end->kind == core::SessionPeer::End::Kind::kDetached) {
    started.monitor.Release();
    if (!end) return Fail(std::move(end).error());
    return 0;
  }
  if (end->kind == core::SessionPeer::End::Kind::kLost) {
    started.monitor.Release();
    return OutliveMonitor(context, record);
  }
  // The monitor waits for our word; its own clean-up would have to start another program first.
  auto cleaned = core::CleanUp(context.layout, record.id, core::MonitorDuty::kOurs);
  if (cleaned) {
    peer.SendDone();
    TRY(started.monitor.Wait());
  } else {
    started.monitor.Release();
    context.Report(cleaned.error());
  }
  return only_input ? 0 : end->exit_code;
}

}  // namespace hoy::cli
