#include "cli/ops/s3_sync.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class VolumeSyncCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume sync",
                                        .summary = "Write changes of S3 volumes back",
                                        .section = Section::kVolumes,
                                        .program = Program::kHeavy};
  VolumeSyncCommand() : Command(kInfo) {
    Arguments("VOLUME", &volumes_, Completes::kVolume);
    Flag("--fetch", &fetch_, "the other way: bring what is new in the bucket here");
    Flag("--once", &once_, "with --fetch: try once, and wait for nobody").Hidden();
  }

  Result<int> Run(Context& context) override {
    if (once_ && !fetch_) return Fail(UsageError("--once is for --fetch"));
    SyncWay way = !fetch_ ? SyncWay::kWriteBack : once_ ? SyncWay::kFetchOnce : SyncWay::kFetch;
    auto sync = [&](const std::string& name) { return RunVolumeSync(context, name, way); };
    // The error of one is the verb's own, for whoever started us.
    if (volumes_.size() > 1) return ForEachObject(context, volumes_, sync);
    TRY(sync(volumes_.front()));
    context.out.Print("{}\n", volumes_.front());
    return 0;
  }

 private:
  std::vector<std::string> volumes_;
  bool fetch_ = false;
  bool once_ = false;
};
HOY_REGISTER_COMMAND(VolumeSyncCommand);

}  // namespace
}  // namespace hoy::cli
