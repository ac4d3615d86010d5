#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

class ManifestExistsCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest exists",
                                        .summary = "Tell whether a manifest list exists",
                                        .section = Section::kImages};
  ManifestExistsCommand() : Command(kInfo) { Argument("LIST", &list_, Completes::kImage); }

  Result<int> Run(Context& context) override {
    TRY(auto list, oci::ImageStore(context.layout).FindList(list_));
    return list ? 0 : kExitNoSuchObject;
  }

 private:
  std::string list_;
};
HOY_REGISTER_COMMAND(ManifestExistsCommand);

}  // namespace
}  // namespace hoy::cli
