#include "cli/ops/container_command.h"
#include "cli/ops/exit_report.h"
#include "cli/ops/foreground.h"
#include "cli/ops/passed_fds.h"
#include "cli/ops/port_warnings.h"
#include "cli/ops/sd_notify.h"
#include "core/engine/log_plan.h"
#include "core/engine/session.h"
#include "core/engine/start.h"
#include "core/engine/stop.h"
#include "core/engine/volumes.h"
#include "core/sys/start_marks.h"

namespace hoy::cli {
namespace {

class RunCommand final : public ContainerCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "run",
                                        .aliases = "container run",
                                        .summary = "Make a container and start it",
                                        .section = Section::kContainers,
                                        .runs_command = true};
  RunCommand() : ContainerCommand(kInfo) {
    Flag("-d,--detach", &options_.detach, "run in the background and print the container's id");
    Flag("--sig-proxy", &options_.sig_proxy, "pass signals on to the container");
    Option("--detach-keys", &options_.detach_keys, "KEYS",
           "keys that leave a terminal session; empty: none");
    Option("--preserve-fds", &options_.preserve_fds, "N",
           "pass the open descriptors 3 to 2+N on to the command");
    Flag("--timing", &options_.timing, "show on stderr where the time of the start went");
    Flag("--explain", &options_.explain, "print what would be done, and do nothing");
  }

  Result<int> Run(Context& context) override {
    if (options_.detach_keys) TRY(core::ParseDetachKeys(*options_.detach_keys));
    TRY(report_, ParseReportTarget(options_.report));
    TRY(CheckReportTarget(report_, !options_.detach));
    if (options_.log_driver == core::ToString(core::LogDriver::kPassthrough)) {
      TRY(core::CheckOwnStreams());
    }
    if (options_.tty && options_.interactive && !options_.detach &&
        !context.terminal.stdin_is_terminal) {
      context.Warn("stdin is not a terminal: --tty has no effect on it");
    }
    if (options_.explain) return Explain(context);
    if (options_.timing || !options_.report.empty()) core::WantStartMarks();
    core::MarkStart("options");
    TRY(passed_, ChoosePassedFds(context, options_.preserve_fds));
    TRY(core::ContainerRecord record, Make(context));
    auto code =
        options_.detach
            ? StartDetached(context, record)
            : RunInForeground(context, record,
                              {.interactive = options_.interactive,
                               .shown = {record.config.attached.out, record.config.attached.err},
                               .proxy_signals = options_.sig_proxy,
                               .passed = &passed_,
                               .detach_keys = options_.detach_keys,
                               .notifies = true,
                               .report = report_,
                               .timing = options_.timing});
    // A container that never started is no use to anybody who wanted it gone anyway. One that runs
    // is left alone when only we were interrupted (--sig-proxy=false).
    if (!code && options_.rm) {
      bool force = code.error().kind != ErrorKind::kCancelled;
      (void)core::RemoveStoppedContainer(context.layout, record.id, force);
    }
    return code;
  }

 private:
  Result<int> StartDetached(Context& context, const core::ContainerRecord& record) {
    core::StartRequest request{.passed_fds = passed_.fds, .env = ListenVariables(passed_, record)};
    TRY(PassNotifySocket(record, request));
    TRY(core::StartedContainer started, core::StartContainer(context.layout, record, request));
    pid_t monitor = started.monitor.pid();
    started.monitor.Release();
    TRY(WritePidFile(record, started.pid));
    NotifyStarted(context, record, monitor);
    WarnOfBlockers(context, record);
    if (options_.timing) PrintStartMarks(context);
    context.out.Print("{}\n", record.id);
    return 0;
  }

  Result<int> Explain(Context& context) {
    TRY(core::PrepareLayout(context.layout));
    TRY(core::ContainerRecord record, Plan(context));
    core::LocateVolumes(context.layout, record.config);
    TRY(std::string plan, core::ExplainStart(context.layout, record));
    context.out.Write(plan);
    return 0;
  }

  PassedFds passed_;
  ReportTarget report_;
};
HOY_REGISTER_COMMAND(RunCommand);

}  // namespace
}  // namespace hoy::cli
