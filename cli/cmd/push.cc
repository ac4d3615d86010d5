#include "cli/ops/registry_options.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class PushCommand final : public RegistryVerb<Command> {
 public:
  static constexpr CommandInfo kInfo = {.name = "push",
                                        .aliases = "image push",
                                        .summary = "Push an image to a registry",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  PushCommand() : RegistryVerb(kInfo) {
    Argument("IMAGE", &options_.image, Completes::kImage);
    OptionalArgument("DESTINATION", &options_.destination, Completes::kImage);
    Flag("-a,--all-tags", &options_.all_tags, "push every tag of the repository IMAGE");
    Flag("-q,--quiet", &options_.quiet, "show no progress");
    Option("--platform", &options_.platform, "OS/ARCH[/VARIANT]",
           "only this image of a multi-platform one")
        .Completing(Completes::kPlatform);
    Choice("-f,--format", &options_.format, {"oci", "v2s2"}, "FORMAT",
           "turn the manifest into this format");
    Choice("--compression-format", &options_.compression_format, {"gzip", "zstd"}, "FORMAT",
           "pack layers that have another compression anew");
    Option("--compression-level", &options_.compression_level, "LEVEL",
           "of layers that are packed: gzip 1 to 9, zstd 1 to 19");
    Flag("--force-compression", &options_.force_compression,
         "pack all layers anew, also those that have the format");
    Option("--digestfile", &options_.digestfile, "FILE", "write the manifest's digest there")
        .Completing(Completes::kFile);
    AddRegistryOptions(options_);
    AddRetryOptions(options_);
    ByteSize("--chunk-size", &options_.chunk_bytes, "SIZE",
             "send layers in pieces of that size, for proxies that limit requests");
    Option("--jobs", &options_.uploads, "N", "layers that are sent at the same time (3)");
    AddProgressOption(&options_.progress);
  }

  Result<int> Run(Context& context) override {
    if (options_.all_tags && options_.destination) {
      return Fail(UsageError("--all-tags takes no destination"));
    }
    if (options_.all_tags && !options_.digestfile.empty()) {
      return Fail(UsageError("--digestfile holds one digest, so it does not go with --all-tags"));
    }
    TRY(RunPush(context, options_));
    return 0;
  }

 private:
  PushOptions options_;
};
HOY_REGISTER_COMMAND(PushCommand);

}  // namespace
}  // namespace hoy::cli
