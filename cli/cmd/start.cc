#include "core/engine/start.h"

#include "cli/ops/foreground.h"
#include "cli/ops/network_warnings.h"
#include "cli/ops/passed_fds.h"
#include "cli/ops/pid_file.h"
#include "cli/ops/sd_notify.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/engine/lifecycle.h"

namespace hoy::cli {
namespace {

class StartCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "start",
                                        .aliases = "container start",
                                        .summary = "Start stopped containers",
                                        .section = Section::kContainers};
  StartCommand() : Command(kInfo) {
    Arguments("CONTAINER", &containers_, Completes::kStoppedContainer);
    Flag("-a,--attach", &attach_, "stay with it: pass its output and signals on");
    Flag("-i,--interactive", &interactive_, "pass stdin on, too");
    Flag("--sig-proxy", &sig_proxy_, "pass signals on to the container");
    Option("--detach-keys", &detach_keys_, "KEYS", "keys that leave a terminal session");
  }

  Result<int> Run(Context& context) override {
    TRY(core::PrepareLayout(context.layout));
    // Sockets that systemd opened for us are for the one container that this starts; and one it is
    // that a service stands for.
    if (containers_.size() == 1) {
      TRY(passed_, ChoosePassedFds(context, ""));
    }
    if (attach_ || interactive_) return StartAttached(context);
    return ForEachObject(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
      if (auto checked = CheckPidFile(context.layout, record); !checked) {
        return Fail(std::move(checked).error().InContext(fmt::format("start '{}'", name)));
      }
      core::StartRequest request{.passed_fds = passed_.fds,
                                 .env = ListenVariables(passed_, record)};
      bool notifies = containers_.size() == 1;
      if (notifies) TRY(PassNotifySocket(record, request));
      auto started = core::StartContainer(context.layout, record, request);
      if (!started) {
        // Asked to run, and it runs: that is what was wanted.
        if (core::RunsAlready(started.error())) return {};
        return Fail(std::move(started).error().InContext(fmt::format("start '{}'", name)));
      }
      pid_t monitor = started->monitor.pid();
      started->monitor.Release();
      for (const std::string& warning : started->warnings) context.Warn(warning);
      TRY(WritePidFile(record, started->pid));
      if (notifies) NotifyStarted(context, record, monitor);
      WarnOfNetworks(context, record);
      return {};
    });
  }

 private:
  Result<int> StartAttached(Context& context) {
    if (containers_.size() != 1) {
      return Fail(UsageError("only one container can be attached to"));
    }
    TRY(std::string id, core::FindContainer(context.layout, containers_[0]));
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    // As it was created to be attached to; after `run -d`, or with stdin alone, to all of it.
    core::AttachedStreams attached = record.config.attached;
    if (!attached.out && !attached.err) attached.out = attached.err = true;
    ForegroundOptions options{.interactive = interactive_ && record.config.process.stdin_open,
                              .shown = {attached.out, attached.err},
                              .proxy_signals = sig_proxy_,
                              .passed = &passed_,
                              .detach_keys = detach_keys_,
                              .notifies = true};
    auto code = RunInForeground(context, record, options);
    // Asked to run and to be seen, and it runs.
    bool runs = !code && core::RunsAlready(code.error());
    return runs ? AttachInForeground(context, record, options) : code;
  }

  std::vector<std::string> containers_;
  PassedFds passed_;
  bool attach_ = false;
  bool interactive_ = false;
  bool sig_proxy_ = true;
  std::optional<std::string> detach_keys_;
};
HOY_REGISTER_COMMAND(StartCommand);

}  // namespace
}  // namespace hoy::cli
