#include "cli/ops/container_command.h"
#include "cli/ops/exec_command.h"
#include "cli/ops/existing_container.h"
#include "cli/ops/exit_report.h"
#include "cli/ops/foreground.h"
#include "cli/ops/network_warnings.h"
#include "cli/ops/passed_fds.h"
#include "cli/ops/pid_file.h"
#include "cli/ops/remove_image.h"
#include "cli/ops/sd_notify.h"
#include "core/engine/lifecycle.h"
#include "core/engine/log_plan.h"
#include "core/engine/session.h"
#include "core/engine/start.h"
#include "core/engine/start_failure.h"
#include "core/engine/stop.h"
#include "core/engine/volumes.h"
#include "core/state/name_generator.h"
#include "core/sys/files.h"
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
    Flag("--ensure", &options_.ensure,
         "use the container of that name: start it, or run the command in it; else make it");
    Flag("--rmi", &removes_image_, "--rm, and remove the image when no other container uses it");
    Option("--detach-keys", &options_.detach_keys, "KEYS",
           "keys that leave a terminal session; empty: none");
    Option("--preserve-fds", &options_.preserve_fds, "N",
           "pass the open descriptors 3 to 2+N on to the command");
    Flag("--timing", &options_.timing, "show on stderr where the time of the start went");
    Flag("--explain", &options_.explain, "print what would be done, and do nothing");
  }

  Result<int> Run(Context& context) override {
    if (removes_image_) TRY(CheckRmi());
    if (options_.detach_keys) TRY(core::ParseDetachKeys(*options_.detach_keys));
    TRY(report_, ParseReportTarget(options_.report));
    TRY(CheckReportTarget(report_, !options_.detach));
    if (options_.log_driver == core::ToString(core::LogDriver::kPassthrough)) {
      TRY(core::CheckOwnStreams());
    }
    if (options_.ensure) return Ensure(context);
    if (options_.explain) return Explain(context);
    if (options_.timing || !options_.report.empty()) core::WantStartMarks();
    core::MarkStart("options");
    return MakeAndRun(context);
  }

 private:
  void WarnOfStdin(Context& context) const {
    if (options_.tty && options_.interactive && !options_.detach &&
        !context.terminal.stdin_is_terminal) {
      context.Warn("stdin is not a terminal: --tty has no effect on it");
    }
  }

  Result<int> MakeAndRun(Context& context) {
    WarnOfStdin(context);
    TRY(passed_, ChoosePassedFds(context, options_.preserve_fds));
    DropOldReport(report_);
    auto made = Make(context);
    if (!made) return Fail(Reported(context, NothingMade(), std::move(made).error()));
    core::ContainerRecord record = *std::move(made);
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
    if (!code && options_.rm && !core::RunsAlready(code.error())) {
      bool force = code.error().kind != ErrorKind::kCancelled;
      (void)core::RemoveStoppedContainer(context.layout, record.id, force);
      core::RemoveUnfetchedVolumes(context.layout, record);
    }
    if (!code && report_.IsTheClients()) (void)Reported(context, record, code.error());
    if (removes_image_) RemoveUnusedImage(context, record);
    return code;
  }

  // What a report can tell where there is no container yet.
  core::ContainerRecord NothingMade() const {
    core::ContainerRecord record;
    record.name = options_.name;
    record.config.image.reference = options_.image;
    return record;
  }

  Error Reported(Context& context, const core::ContainerRecord& record, Error error) const {
    if (report_.kind == ReportTarget::Kind::kNone) return error;
    auto given = GiveReport(context, report_, record, {core::FailedStart(error), {}});
    if (!given) context.Report(given.error());
    return error;
  }

  // Several may want it at the same time: one makes it, and the others find it.
  Result<int> Ensure(Context& context) {
    TRY(CheckEnsure());
    constexpr int kTries = 5;
    for (int attempt = 1;; ++attempt) {
      TRY(std::optional<core::ContainerRecord> existing, FindNamed(context.layout));
      auto code = existing ? RunInExisting(context, *existing) : MakeAndRun(context);
      if (code || attempt == kTries) return code;
      bool lost = code.error().kind == ErrorKind::kAlreadyExists ||
                  code.error().kind == ErrorKind::kConflict;
      if (!lost) return code;
    }
  }

  Result<> CheckEnsure() const {
    if (options_.name.empty()) {
      return Fail(UsageError("--ensure: --name has to say which container it is"));
    }
    for (const auto& [flag, given] :
         {std::pair{"--replace", options_.replace}, std::pair{"--rmi", removes_image_},
          std::pair{"--explain", options_.explain}, std::pair{"--timing", options_.timing},
          std::pair{"--report", !options_.report.empty()},
          std::pair{"--cidfile", !options_.cidfile.empty()},
          std::pair{"--attach", !options_.attach.empty()}}) {
      if (given) return Fail(UsageError(fmt::format("--ensure: not together with {}", flag)));
    }
    return {};
  }

  Result<std::optional<core::ContainerRecord>> FindNamed(const core::Layout& layout) const {
    TRY(core::CheckContainerName(options_.name));
    if (!core::Exists(layout.Name(options_.name))) return std::nullopt;
    auto id = core::FindContainer(layout, options_.name);
    auto record = id ? core::ReadContainer(layout, *id) : Fail(std::move(id).error());
    if (!record && record.error().kind == ErrorKind::kNotFound) return std::nullopt;
    if (!record) return Fail(std::move(record).error());
    return *std::move(record);
  }

  Result<int> RunInExisting(Context& context, const core::ContainerRecord& record) {
    TRY(core::ContainerStatus status, core::Heal(context.layout, record.id));
    TRY(CheckMadeAs(options_, record, status.IsUp()));
    if (options_.detach) {
      // It runs, and will not for long.
      if (status.state != core::ContainerState::kStopping) return EnsureRuns(context, record);
      return Fail(MakeError(ErrorKind::kConflict,
                            fmt::format("--ensure: container {} is stopping", record.name))
                      .WithHint(fmt::format("hoy wait {}, and then again", record.name)));
    }
    if (status.IsUp()) {
      return ExecCommandIn(context, record.id,
                           {.command = WantedArguments(options_, record.config),
                            .interactive = options_.interactive,
                            .tty = options_.tty,
                            .env = options_.env,
                            .env_file = options_.env_file,
                            .user = options_.user,
                            .workdir = options_.workdir,
                            .preserve_fds = options_.preserve_fds,
                            .detach_keys = options_.detach_keys});
    }
    WarnOfStdin(context);
    TRY(passed_, ChoosePassedFds(context, options_.preserve_fds));
    return RunInForeground(context, record,
                           {.interactive = options_.interactive,
                            .shown = {true, true},
                            .proxy_signals = options_.sig_proxy,
                            .passed = &passed_,
                            .detach_keys = options_.detach_keys,
                            .notifies = true});
  }

  Result<int> EnsureRuns(Context& context, const core::ContainerRecord& record) {
    TRY(CheckPidFile(context.layout, record));
    TRY(passed_, ChoosePassedFds(context, options_.preserve_fds));
    auto code = StartDetached(context, record);
    if (code || !core::RunsAlready(code.error())) return code;
    context.out.Print("{}\n", record.id);
    return 0;
  }

  Result<> CheckRmi() {
    if (options_.detach) {
      return Fail(
          UsageError("--rmi: with --detach nobody waits for the end; remove the image with "
                     "hoy rmi"));
    }
    if (options_.rootfs) return Fail(UsageError("--rmi: with --rootfs there is no image"));
    options_.rm = true;
    return {};
  }

  // What keeps it in use is no failure of the command.
  static void RemoveUnusedImage(Context& context, const core::ContainerRecord& record) {
    const core::ImageIdentity& image = record.config.image;
    // By its name, unless that has come to mean another one.
    auto named = oci::ImageStore(context.layout).Resolve(image.reference);
    bool is_same = named && named->record.id.ToString() == image.id;
    auto removed = RemoveImage(context.layout, is_same ? image.reference : image.id, false);
    if (removed || removed.error().kind == ErrorKind::kNotFound) return;
    context.Warn(fmt::format("--rmi: {}", removed.error().message));
  }

  Result<int> StartDetached(Context& context, const core::ContainerRecord& record) {
    core::StartRequest request{.passed_fds = passed_.fds, .env = ListenVariables(passed_, record)};
    TRY(PassNotifySocket(record, request));
    auto running = core::StartContainer(context.layout, record, request);
    if (options_.timing) PrintStartMarks(context);
    TRY(core::StartedContainer started, std::move(running));
    pid_t monitor = started.monitor.pid();
    started.monitor.Release();
    for (const std::string& warning : started.warnings) context.Warn(warning);
    TRY(WritePidFile(record, started.pid));
    NotifyStarted(context, record, monitor);
    WarnOfNetworks(context, record);
    context.out.Print("{}\n", record.id);
    TRY(context.out.Flush());  // a signal that has waited comes before the end of the program
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

  bool removes_image_ = false;
  PassedFds passed_;
  ReportTarget report_;
};
HOY_REGISTER_COMMAND(RunCommand);

}  // namespace
}  // namespace hoy::cli
