#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "core/state/container_record.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

class ExistsCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "exists",
                                        .aliases = "container exists, image exists",
                                        .summary = "Tell whether a container or an image exists",
                                        .section = Section::kContainers};
  ExistsCommand() : Command(kInfo) {
    Argument("NAME", &name_, Completes::kContainerOrImage);
    Choice("--type", &type_, {"container", "image"}, "TYPE", "only objects of this type");
  }

  Result<int> Run(Context& context) override {
    if (context.spelling.starts_with("container ")) type_ = "container";
    if (context.spelling.starts_with("image ")) type_ = "image";
    bool found = false;
    if (type_ != "image") {
      TRY(found, IsThere(core::FindContainer(context.layout, name_)));
    }
    if (!found && type_ != "container") {
      oci::ImageStore store(context.layout);
      TRY(found, IsThere(store.Resolve(name_)));
      if (!found) {
        TRY(auto list, store.FindList(name_));
        found = list.has_value();
      }
    }
    return found ? 0 : kExitNoSuchObject;
  }

 private:
  // A name that cannot be one is not there; an ambiguous one is.
  template <typename T>
  static Result<bool> IsThere(const Result<T>& found) {
    if (found || found.error().kind == ErrorKind::kConflict) return true;
    if (found.error().kind == ErrorKind::kNotFound) return false;
    if (found.error().kind == ErrorKind::kInvalidArgument) return false;
    return Fail(found.error());
  }

  std::string name_;
  std::string type_;
};
HOY_REGISTER_COMMAND(ExistsCommand);

}  // namespace
}  // namespace hoy::cli
