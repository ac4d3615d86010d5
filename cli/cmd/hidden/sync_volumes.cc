#include "cli/ops/s3_sync.h"
#include "cli/ui/command.h"
#include "core/engine/remote_volumes.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// What hoy-monitor starts when the S3 volumes of its container are to be written back while it
// runs. Nobody reads what it prints: the volumes' status and the events tell how it went.
class SyncVolumesCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__sync-volumes",
                                        .summary = "Write the S3 volumes of a container back",
                                        .section = Section::kSystem,
                                        .program = Program::kHeavy,
                                        .hidden = true};
  SyncVolumesCommand() : Command(kInfo) { Argument("CONTAINER", &id_); }

  Result<int> Run(Context& context) override {
    // The monitor is shielded from the OOM killer; this is not to be.
    (void)core::WriteControlFile("/proc/self/oom_score_adj", "0");
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id_));
    Result<> first;
    for (const std::string& volume : core::RemoteVolumesOf(record.config)) {
      auto synced = RunVolumeSync(context, volume, SyncWay::kWriteBack);
      if (!synced && first) first = std::move(synced);
    }
    TRY(std::move(first));
    return 0;
  }

 private:
  std::string id_;
};
HOY_REGISTER_COMMAND(SyncVolumesCommand);

}  // namespace
}  // namespace hoy::cli
