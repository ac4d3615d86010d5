#include "cli/ops/foreground.h"
#include "cli/ui/command.h"
#include "core/engine/lifecycle.h"
#include "core/engine/state_rules.h"

namespace hoy::cli {
namespace {

class AttachCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "attach",
                                        .aliases = "container attach",
                                        .summary = "Join the streams of a running container",
                                        .section = Section::kContainers};
  AttachCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kRunningContainer);
    Option("--detach-keys", &detach_keys_, "KEYS",
           "keys that leave a terminal session; empty: none");
    Flag("--no-stdin", &no_stdin_, "pass nothing of our stdin on");
    Flag("--sig-proxy", &sig_proxy_, "pass signals on to a container without a terminal");
  }

  Result<int> Run(Context& context) override {
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::ContainerStatus status, core::Heal(context.layout, id));
    TRY(core::Permit(core::Verb::kAttach, status.state, container_));
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    // On a terminal the signals that people type are bytes, and a window that is closed ends its
    // client alone.
    return AttachInForeground(context, record,
                              {.interactive = !no_stdin_ && record.config.process.stdin_open,
                               .proxy_signals = sig_proxy_ && !record.config.process.terminal,
                               .detach_keys = detach_keys_});
  }

 private:
  std::string container_;
  bool no_stdin_ = false;
  bool sig_proxy_ = true;
  std::optional<std::string> detach_keys_;
};
HOY_REGISTER_COMMAND(AttachCommand);

}  // namespace
}  // namespace hoy::cli
