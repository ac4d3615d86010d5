#include "cli/ops/manifest_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ManifestAnnotateCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest annotate",
                                        .summary = "Change what a manifest list says of an image",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestAnnotateCommand() : Command(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    OptionalArgument("DIGEST", &entry_);
    Flag("--index", &options_.index, "annotate the list itself");
    Option("--arch", &options_.edit.architecture, "ARCH", "the entry's architecture");
    Option("--os", &options_.edit.os, "OS", "the entry's operating system");
    Option("--os-version", &options_.edit.os_version, "VERSION", "the version that it needs");
    Option("--os-features", &options_.edit.os_features, "FEATURE",
           "a feature that it needs of the system");
    Option("--features", &options_.edit.features, "FEATURE",
           "a feature that it needs of the processor");
    Option("--variant", &options_.edit.variant, "VARIANT", "of the architecture, like v7");
    Option("--annotation", &options_.edit.annotations, "KEY=VALUE", "an annotation of the entry");
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
