#include "cli/ui/globals.h"
#include "cli/ui/manual.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// What the build calls: `hoy __man man OUT` writes OUT/hoy.1 and a page for each verb whose prose
// is in man/. That none is without is for the tests to say.
class ManCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "__man", .summary = "Write the man pages", .hidden = true};
  ManCommand() : Command(kInfo) {
    Argument("PROSE-DIR", &prose_, Completes::kDirectory);
    Argument("OUT-DIR", &out_, Completes::kDirectory);
  }

  Result<int> Run(Context&) override {
    TRY(core::MakeDirectories(out_));
    TRY(WritePage(Globals(), "hoy.1"));
    for (const Registration* entry : AllCommands()) {
      std::string page = PageName(entry->info()) + ".1";
      if (entry->info().hidden || !core::Exists(fmt::format("{}/{}.in", prose_, page))) continue;
      TRY(WritePage(*entry->Make(), page));
    }
    return 0;
  }

 private:
  Result<> WritePage(const Command& command, const std::string& page) const {
    TRY(std::string prose, core::ReadFile(fmt::format("{}/{}.in", prose_, page)));
    TRY(std::string text, ManualPage(command, prose));
    return core::WriteFileAtomically(out_ + "/" + page, text, core::Durability::kVolatile, 0644);
  }

  std::string prose_;
  std::string out_;
};
HOY_REGISTER_COMMAND(ManCommand);

}  // namespace
}  // namespace hoy::cli
