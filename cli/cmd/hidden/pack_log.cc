#include <sys/resource.h>

#include "cli/ui/command.h"
#include "core/log/gzip.h"
#include "core/log/rotated_files.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// What hoy-monitor starts when it has rotated a log whose old files are to be compressed.
class PackLogCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__pack-log",
                                        .summary = "Compress the rotated files of a log",
                                        .section = Section::kSystem,
                                        .hidden = true};
  PackLogCommand() : Command(kInfo) { Argument("CONTAINER", &id_); }

  Result<int> Run(Context& context) override {
    // Not as sacred as the monitor, and in nobody's way.
    (void)core::WriteControlFile("/proc/self/oom_score_adj", "0");
    setpriority(PRIO_PROCESS, 0, 10);
    core::RotatedFiles files(context.layout.Log(id_));
    TRY(std::vector<uint64_t> numbers, files.Numbers());
    for (uint64_t number : numbers) TRY(core::PackFile(files.Path(number)));
    return 0;
  }

 private:
  std::string id_;
};
HOY_REGISTER_COMMAND(PackLogCommand);

}  // namespace
}  // namespace hoy::cli
