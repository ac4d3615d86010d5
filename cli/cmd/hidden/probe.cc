#include <unistd.h>

#include "cli/ops/health_action.h"
#include "cli/ui/command.h"
#include "core/engine/health.h"
#include "core/monitor/helper_timer.h"
#include "core/sys/fd_packet.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// What hoy-monitor starts when the health of its container is to be probed.
class ProbeCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__probe",
                                        .summary = "Probe the health of a container",
                                        .section = Section::kSystem,
                                        .hidden = true};
  ProbeCommand() : Command(kInfo) { Argument("CONTAINER", &id_); }

  Result<int> Run(Context& context) override {
    // The monitor is shielded from the OOM killer; what runs in the container must not be.
    (void)core::WriteControlFile("/proc/self/oom_score_adj", "0");
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id_));
    core::HelperWord word{};
    auto state = core::ProbeWhenDue(context.layout, record, &word.next_in_ns);
    // A monitor that is gone has a successor, which reads it from the disk.
    (void)core::SendPacket(STDOUT_FILENO, &word, sizeof word);
    if (!state) return Fail(std::move(state).error());
    if (*state) TRY(ActOnHealth(context, record, **state));
    return 0;
  }

 private:
  std::string id_;
};
HOY_REGISTER_COMMAND(ProbeCommand);

}  // namespace
}  // namespace hoy::cli
