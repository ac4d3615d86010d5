#include "cli/ops/mount_options.h"
#include "cli/ops/option_values.h"
#include "cli/ui/command.h"
#include "core/state/name_generator.h"
#include "core/state/s3_volume.h"
#include "core/state/volume.h"

namespace hoy::cli {
namespace {

class VolumeCreateCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "volume create", .summary = "Make a volume", .section = Section::kVolumes};
  VolumeCreateCommand() : Command(kInfo) {
    OptionalArgument("NAME", &name_);
    Option("-l,--label", &labels_, "KEY[=VALUE]", "set a label");
    Option("-o,--opt", &options_, "KEY=VALUE", "what is mounted: type, o, device");
    Choice("-d,--driver", &driver_, {"local"}, "DRIVER", "who keeps the volume");
  }

  Result<int> Run(Context& context) override {
    core::VolumeRecord record;
    record.created = core::Now();
    TRY(VolumeOptions options, ParseVolumeOptions("--opt", options_));
    record.options = std::move(options.pairs);
    record.secrets = std::move(options.secrets);
    std::map<std::string, std::string> labels;
    for (const std::string& text : labels_) {
      TRY(auto label, ParseKeyValue("--label", text));
      labels[label.first] = label.second;
    }
    if (!name_) labels[std::string(core::kAnonymousLabel)] = "";
    record.labels.assign(labels.begin(), labels.end());
    record.name = name_.value_or(core::RandomContainerId());
    TRY(core::PrepareLayout(context.layout));
    core::RemoveAbandonedVolumes(context.layout);
    TRY(bool made, core::CreateVolume(context.layout, record, core::Durability::kDurable));
    if (!made) {
      TRY(CheckSame(context, record));
      if (!record.secrets.empty()) {
        TRY(core::WriteS3Secrets(context.layout, record.name, record.secrets));
      }
    }
    context.out.Print("{}\n", record.name);
    return 0;
  }

 private:
  // Docker takes a name that is there for success. Then it must also be what was asked for.
  static Result<> CheckSame(const Context& context, const core::VolumeRecord& wanted) {
    TRY(core::VolumeRecord there, core::ReadVolume(context.layout, wanted.name));
    bool same = (wanted.options.empty() || wanted.options == there.options) &&
                (wanted.labels.empty() || wanted.labels == there.labels);
    if (same) return {};
    return Fail(
        MakeError(ErrorKind::kAlreadyExists,
                  fmt::format("volume '{}' exists with other options or labels", wanted.name))
            .WithHint(fmt::format("hoy volume inspect {}", wanted.name)));
  }

  std::optional<std::string> name_;
  std::vector<std::string> labels_;
  std::vector<std::string> options_;
  std::string driver_ = "local";
};
HOY_REGISTER_COMMAND(VolumeCreateCommand);

}  // namespace
}  // namespace hoy::cli
