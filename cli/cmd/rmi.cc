#include "cli/ops/remove_image.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class RmiCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "rmi",
                                        .aliases = "image rm, image remove",
                                        .summary = "Remove images",
                                        .section = Section::kImages};
  RmiCommand() : Command(kInfo) {
    OptionalArguments("IMAGE", &images_, Completes::kImage);
    Flag("-a,--all", &all_, "all images that no container uses");
    Flag("-f,--force", &force_,
         "remove all names of an image, also when stopped containers use it; a missing image is no "
         "error");
    Flag("-i,--ignore", &ignore_, "a missing image is no error");
  }

  Result<int> Run(Context& context) override {
    if (all_ != images_.empty()) {
      return Fail(
          UsageError(all_ ? "--all leaves no image to name" : "name an image, or use --all"));
    }
    if (all_) {
      TRY(images_, Everything(oci::ImageStore(context.layout)));
    }
    return ForEachObject(
        context, images_, [&](const std::string& image) { return Remove(context, image); },
        /*print_names=*/false);
  }

 private:
  // By their names, so that an image with several goes; what belongs to a list goes with that.
  static Result<std::vector<std::string>> Everything(const oci::ImageStore& store) {
    TRY(std::vector<oci::ListedImage> images, store.List());
    std::vector<std::string> all;
    for (const oci::ListedImage& image : images) {
      all.insert(all.end(), image.names.begin(), image.names.end());
      if (image.dangling()) all.push_back(image.record.id.ToString());
    }
    return all;
  }

  Result<> Remove(Context& context, const std::string& image) const {
    auto removed = RemoveImage(context.layout, image, force_);
    if (!removed) {
      if ((force_ || ignore_) && removed.error().kind == ErrorKind::kNotFound) return {};
      return Fail(std::move(removed).error());
    }
    for (const std::string& name : removed->untagged) context.out.Print("Untagged: {}\n", name);
    for (const oci::Digest& digest : removed->deleted) {
      context.out.Print("Deleted: {}\n", digest.ToString());
    }
    return {};
  }

  std::vector<std::string> images_;
  bool all_ = false;
  bool force_ = false;
  bool ignore_ = false;
};
HOY_REGISTER_COMMAND(RmiCommand);

}  // namespace
}  // namespace hoy::cli
