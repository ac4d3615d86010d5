#include "cli/ops/foreground.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "cli/ops/deaf_process.h"
#include "cli/ops/network_warnings.h"
#include "cli/ops/pid_file.h"
#include "cli/ops/s3_volumes.h"
#include "cli/ops/sd_notify.h"
#include "cli/ui/exit_code.h"
#include "core/engine/lifecycle.h"
#include "core/engine/start.h"
#include "core/engine/stop.h"
#include "core/state/event_log.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::cli {
namespace {

using End = core::SessionPeer::End;

bool ShowsNothing(const ForegroundOptions& options) {
  return !options.shown.out && !options.shown.err;
}

core::MonitorPeerOptions PeerOptions(Context& context, const core::ContainerRecord& record,
                                     const ForegroundOptions& options, BorrowedFd init) {
  core::MonitorPeerOptions peer;
  peer.layout = context.layout;
  peer.id = record.id;
  peer.process = init;
  peer.shown = options.shown;
  peer.terminal = record.config.process.terminal;
  peer.logged = record.config.log.driver == core::LogDriver::kFile;
  peer.skipped = [&context](std::optional<uint64_t> bytes) {
    context.Warn(bytes ? fmt::format("{} bytes of output are not shown: they came too fast, and "
                                     "there is no log of them",
                                     *bytes)
                       : std::string("some output is not shown: it came too fast, and its part of "
                                     "the log is gone already"));
  };
  if (options.interactive) {
    peer.lost_input = [&context] {
      context.Warn("the container's monitor was killed, and with it the way to its stdin");
    };
  }
  return peer;
}

Result<core::SessionOptions> ChooseSession(Context& context, const core::ContainerRecord& record,
                                           const ForegroundOptions& options) {
  core::SessionOptions session;
  session.interactive =
      options.interactive && record.config.log.driver != core::LogDriver::kPassthrough;
  session.terminal = record.config.process.terminal;
  session.proxy_signals = options.proxy_signals;
  session.deaf = [&](core::SignalEffect effect, int signal, int more) {
    context.Warn(DescribeLeaving(record.name, effect, signal, more));
  };
  TRY(session.detach_keys,
      core::ParseDetachKeys(options.detach_keys.value_or(std::string(core::kDefaultDetachKeys))));
  return session;
}

// Somebody else cleans up: the monitor, or the command that started the container.
Result<int> AwaitExitCode(Context& context, core::MonitorPeer& peer) {
  TRY(core::ExitRecord exit, peer.AwaitExit());
  if (!exit.known) context.Warn("its exit status is unknown");
  return exit.exit_code;
}

Error NotRunning(const core::ContainerRecord& record) {
  return MakeError(ErrorKind::kConflict, fmt::format("container {} is not running", record.name))
      .WithHint(fmt::format("hoy start {}", record.name));
}

void RecordResize(Context& context, const core::ContainerRecord& record, core::WindowSize size) {
  auto summary = core::ReadSummary(context.layout, record.id);  // it may have been renamed
  core::RecordContainerEvent(
      context.layout, summary ? *summary : record.Summary(), "resize",
      {{"height", std::to_string(size.rows)}, {"width", std::to_string(size.columns)}});
}

}  // namespace

Result<int> RunInForeground(Context& context, const core::ContainerRecord& record,
                            const ForegroundOptions& options) {
  TRY(CheckPidFile(context.layout, record));
  TRY(core::SessionOptions session, ChooseSession(context, record, options));
  core::BlockedSignals signals;
  TRY(core::AttachPair pair, core::MakeAttachPair());
  core::StartRequest request;
  request.attach = pair.monitor;
  if (auto window = core::WindowOf(STDOUT_FILENO); window && session.terminal) {
    request.rows = window->rows;
    request.columns = window->columns;
  }
  if (options.passed != nullptr) {
    request.passed_fds = options.passed->fds;
    request.env = ListenVariables(*options.passed, record);
  }
  if (options.notifies) TRY(PassNotifySocket(record, request));
  auto running = core::StartContainer(context.layout, record, request);
  if (options.timing) PrintStartMarks(context);
  TRY(core::StartedContainer started, std::move(running));
  pair.monitor.reset();
  if (options.passed != nullptr) ClosePassedFds(*options.passed);
  for (const std::string& warning : started.warnings) context.Warn(warning);
  TRY(WritePidFile(record, started.pid));
  if (options.notifies) NotifyStarted(context, record, getpid());
  WarnOfNetworks(context, record);
  Fd init(static_cast<int>(syscall(SYS_pidfd_open, started.pid, 0)));
  if (ShowsNothing(options)) {
    context.out.Print("{}\n", record.id);
    TRY(context.out.Flush());
  }
  core::MonitorPeerOptions peer_options = PeerOptions(context, record, options, init);
  peer_options.ours = true;
  core::MonitorPeer peer(std::move(pair.client), started.log_place, std::move(peer_options));
  session.ends_with_input = ShowsNothing(options);
  session.on_resize = [&](core::WindowSize size) { RecordResize(context, record, size); };
  session.process = init;
  auto end = core::RunSession(peer, signals, session);
  if (!end || end->kind != End::Kind::kExited || !peer.cleans_up()) {
    started.monitor.Release();
    if (!end) return Fail(std::move(end).error());
    if (end->kind == End::Kind::kDetached || end->kind == End::Kind::kLeft) return end->exit_code;
    TRY(int code, AwaitExitCode(context, peer));
    if (options.report.IsTheClients()) {
      context.Warn("there is no report: the container was cleaned up without this client");
    }
    return session.ends_with_input ? 0 : code;
  }
  std::optional<TakenReport> report;
  if (options.report.IsTheClients()) report = TakeReport(context, record);
  // Its files are no longer written, and it is here that somebody hears of what goes wrong.
  Result<> synced;
  if (auto volumes = core::RemoteVolumesOf(record.config); !volumes.empty()) {
    synced = SpawnVolumeSync(context.layout, volumes, SyncWay::kWriteBack);
  }
  // The monitor waits for our word; its own clean-up would have to start another program first.
  auto cleaned = core::CleanUpForMonitor(context.layout, record.id);
  if (cleaned && *cleaned == core::CleanUpEnd::kDone) {
    peer.SendDone();
    TRY(started.monitor.Wait());  // where PID 1 reaps nobody it would stay for ever
  } else {
    // It takes our silence for the word that it has to do the rest itself.
    started.monitor.Release();
    if (!cleaned) context.Report(cleaned.error());
  }
  if (!synced) context.Report(synced.error());
  if (report) TRY(GiveReport(context, options.report, record, *report));
  if (options.report.kind == ReportTarget::Kind::kFile && !core::Exists(options.report.file)) {
    context.Warn(fmt::format("--report '{}': it could not be written", options.report.file));
  }
  int code = session.ends_with_input ? 0 : end->exit_code;
  return synced || code != 0 ? code : kExitFailed;
}

Result<int> AttachInForeground(Context& context, const core::ContainerRecord& record,
                               const ForegroundOptions& options) {
  if (record.config.log.driver == core::LogDriver::kPassthrough) {
    return Fail(
        ErrorKind::kUnsupported,
        "container {} has the streams of whoever started it (log driver passthrough): there "
        "are none to attach to",
        record.name);
  }
  TRY(core::SessionOptions session, ChooseSession(context, record, options));
  // A window that is closed, or a shell that ends, is no reason to end what others may be at, too.
  if (session.terminal) session.proxy_signals = false;
  core::BlockedSignals signals;
  TRY(std::optional<core::Attachment> attachment, core::AttachTo(context.layout, record.id));
  if (!attachment) return Fail(NotRunning(record));
  core::RecordContainerEvent(context.layout, record, "attach");
  TRY(std::optional<Fd> init, core::OpenProcess(attachment->init));
  if (!init) return Fail(NotRunning(record));
  core::MonitorPeer peer(*std::move(attachment), PeerOptions(context, record, options, *init));
  if (auto window = core::WindowOf(STDOUT_FILENO); window && session.terminal) {
    // A size that changes makes programs draw their screen again, and shells their prompt.
    peer.Resize({static_cast<uint16_t>(window->rows + 1), window->columns});
    peer.Resize(*window);
    RecordResize(context, record, *window);
  }
  session.on_resize = [&](core::WindowSize size) { RecordResize(context, record, size); };
  session.process = *init;
  TRY(End end, core::RunSession(peer, signals, session));
  if (end.kind == End::Kind::kLeft) return end.exit_code;
  if (end.kind == End::Kind::kDetached) {
    if (end.exit_code == 0) core::RecordContainerEvent(context.layout, record, "detach");
    return end.exit_code;
  }
  return AwaitExitCode(context, peer);
}

}  // namespace hoy::cli
