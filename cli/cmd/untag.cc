#include <algorithm>

#include "cli/ui/command.h"
#include "core/state/event_log.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

class UntagCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "untag",
                                        .aliases = "image untag",
                                        .summary = "Take names from an image and keep it",
                                        .section = Section::kImages};
  UntagCommand() : Command(kInfo) {
    Argument("IMAGE", &image_, Completes::kImage);
    OptionalArguments("NAME", &names_, Completes::kImage);
  }

  Result<int> Run(Context& context) override {
    oci::ImageStore store(context.layout);
    TRY(oci::ListedImage image, store.Find(image_));
    std::vector<std::string> names = image.names;
    if (!names_.empty()) {
      TRY(names, OwnNames(image));
    }
    for (const std::string& name : names) {
      TRY(oci::RemovedImage removed, store.Untag(name));
      core::RecordImageEvent(context.layout, "untag", image.record.id.ToString(), name);
      for (const std::string& text : removed.untagged) context.out.Print("Untagged: {}\n", text);
    }
    return 0;
  }

 private:
  // All are checked before the first one goes.
  Result<std::vector<std::string>> OwnNames(const oci::ListedImage& image) const {
    std::vector<std::string> names;
    for (const std::string& name : names_) {
      TRY(oci::Reference reference, oci::Reference::ParseWithDefaultTag(name));
      if (std::ranges::find(image.names, reference.ToString()) == image.names.end()) {
        return Fail(ErrorKind::kNotFound, "'{}' is not a name of image {}", name,
                    image.record.id.Short());
      }
      names.push_back(reference.ToString());
    }
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    return names;
  }

  std::string image_;
  std::vector<std::string> names_;
};
HOY_REGISTER_COMMAND(UntagCommand);

}  // namespace
}  // namespace hoy::cli
