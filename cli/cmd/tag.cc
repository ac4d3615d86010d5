#include "cli/ui/command.h"
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
    TRY(oci::ResolvedImage image, store.Resolve(image_));
    std::string id = image.record.id.ToString();
    for (const std::string& name : names_) TRY(store.Tag(id, name));
    return 0;
  }

 private:
  std::string image_;
  std::vector<std::string> names_;
};
HOY_REGISTER_COMMAND(TagCommand);

}  // namespace
}  // namespace hoy::cli
