#include "cli/ops/image_users.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/state/event_log.h"

namespace hoy::cli {
namespace {

class RmiCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "rmi",
                                        .aliases = "image rm, image remove",
                                        .summary = "Remove images",
                                        .section = Section::kImages};
  RmiCommand() : Command(kInfo) {
    Arguments("IMAGE", &images_, Completes::kImage);
    Flag("-f,--force", &force_,
         "remove all names of an image, also when stopped containers use it; a missing image is no "
         "error");
  }

  Result<int> Run(Context& context) override {
    oci::ImageStore store(context.layout);
    return ForEachObject(
        context, images_, [&](const std::string& image) { return Remove(context, store, image); },
        /*print_names=*/false);
  }

 private:
  Result<> Remove(Context& context, const oci::ImageStore& store, const std::string& image) const {
    TRY(std::vector<oci::ImageUser> users, ImageUsers(context.layout));
    // Asked first: where nothing was ever pulled, it is the image that is missing, not a directory.
    auto resolved = store.Resolve(image);
    std::string id = resolved ? resolved->record.id.ToString() : "";
    if (!resolved) {
      TRY(auto list, store.FindList(image));
      if (!list && force_ && resolved.error().kind == ErrorKind::kNotFound) return {};
      if (!list) return Fail(std::move(resolved).error());
    }
    auto removed = store.Remove(image, force_, users);
    if (!removed) {
      if (force_ && removed.error().kind == ErrorKind::kNotFound) return {};
      return Fail(std::move(removed).error());
    }
    for (const std::string& name : removed->untagged) {
      core::RecordImageEvent(context.layout, "untag", id.empty() ? name : id, name);
      context.out.Print("Untagged: {}\n", name);
    }
    for (const oci::Digest& digest : removed->deleted) {
      core::RecordImageEvent(context.layout, "delete", digest.ToString(), digest.ToString());
      context.out.Print("Deleted: {}\n", digest.ToString());
    }
    return {};
  }

  std::vector<std::string> images_;
  bool force_ = false;
};
HOY_REGISTER_COMMAND(RmiCommand);

}  // namespace
}  // namespace hoy::cli
