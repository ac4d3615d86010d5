#include "cli/ui/command.h"
#include "core/state/event_log.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

class TagCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "tag",
                                        .aliases = "image tag",
                                        .summary = "Give an image further names",
                                        .section = Section::kImages};
  TagCommand() : Command(kInfo) {
    Argument("IMAGE", &image_, Completes::kImage);
    Arguments("NAME", &names_, Completes::kImage);
  }

  Result<int> Run(Context& context) override {
    oci::ImageStore store(context.layout);
    // Looked up once: a name that moves in between must not split the new ones over two images.
    // A list has no id of its own.
    TRY(auto list, store.FindList(image_));
    std::string image = list ? list->reference : image_;
    if (!list) {
      TRY(oci::ResolvedImage resolved, store.Resolve(image_));
      image = resolved.record.id.ToString();
    }
    for (const std::string& name : names_) {
      TRY(store.Tag(image, name));
      core::RecordImageEvent(context.layout, "tag", image, name);
    }
    return 0;
  }

 private:
  std::string image_;
  std::vector<std::string> names_;
};
HOY_REGISTER_COMMAND(TagCommand);

}  // namespace
}  // namespace hoy::cli
