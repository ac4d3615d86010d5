#include "cli/ops/manifest_options.h"

namespace hoy::cli {
namespace {

class ManifestAnnotateCommand final : public ManifestVerb {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest annotate",
                                        .summary = "Change what a manifest list says of an image",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestAnnotateCommand() : ManifestVerb(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    OptionalArgument("DIGEST", &entry_);
    Flag("--index", &options_.index, "annotate the list itself");
    AddEditOptions(options_.edit);
  }

  Result<int> Run(Context& context) override {
    options_.entry = entry_.value_or("");
    if (options_.index == entry_.has_value()) {
      return Fail(UsageError("name an entry of the list, or give --index"));
    }
    if (options_.edit.empty()) return Fail(UsageError("say what is to change"));
    ManifestEdit only_annotations{.annotations = options_.edit.annotations};
    if (options_.index && options_.edit != only_annotations) {
      return Fail(UsageError("--index goes with --annotation only"));
    }
    TRY(RunManifestAnnotate(context, options_));
    return 0;
  }

 private:
  ManifestAnnotateOptions options_;
  std::optional<std::string> entry_;
};
HOY_REGISTER_COMMAND(ManifestAnnotateCommand);

}  // namespace
}  // namespace hoy::cli
