#include "cli/ops/inspect.h"

#include "cli/ops/container_size.h"
#include "cli/ops/container_tree.h"
#include "cli/ops/for_each.h"
#include "cli/ops/network_list.h"
#include "cli/ops/volume_list.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class InspectCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "inspect",
      .aliases = "container inspect, image inspect",
      .summary = "Show all that is known about containers, images, networks and volumes",
      .section = Section::kContainers};
  InspectCommand() : Command(kInfo) {
    Arguments("NAME", &names_, Completes::kObject);
    Option("-f,--format", &format_, "TEMPLATE", "json, or a Go template");
    Flag("-s,--size", &size_,
         "of containers, also how much they have written, as SizeRw, SizeRootFs");
    Choice("--type", &type_, {"container", "image", "network", "volume"}, "TYPE",
           "only objects of this type");
    Option("--platform", &platform_, "OS/ARCH[/VARIANT]", "which image of a multi-platform one")
        .Completing(Completes::kPlatform);
  }

  Result<int> Run(Context& context) override {
    if (context.spelling.starts_with("container ")) type_ = "container";
    if (context.spelling.starts_with("image ")) type_ = "image";
    if (!platform_.empty()) {
      if (type_ == "container") return Fail(UsageError("--platform is for images"));
      type_ = "image";
    }
    return InspectEach(context, names_, format_,
                       [&](const std::string& name) { return Find(context, name); });
  }

 private:
  // As docker: the first kind that has such a name.
  Result<Json> Find(Context& context, const std::string& name) const {
    struct Kind {
      std::string_view type;
      Result<Json> (InspectCommand::*find)(Context&, const std::string&) const;
    };
    constexpr Kind kKinds[] = {{"container", &InspectCommand::FindContainer},
                               {"image", &InspectCommand::FindImage},
                               {"network", &InspectCommand::FindNetwork},
                               {"volume", &InspectCommand::FindVolume}};
    for (const Kind& kind : kKinds) {
      if (!type_.empty() && type_ != kind.type) continue;
      auto found = (this->*kind.find)(context, name);
      if (found || !type_.empty() || found.error().kind != ErrorKind::kNotFound) return found;
    }
    // A list of images of which none is here says so itself.
    TRY(auto list, oci::ImageStore(context.layout).FindList(name));
    if (list) return FindImage(context, name);
    return Fail(ErrorKind::kNotFound, "no such object: {}", name);
  }

  Result<Json> FindImage(Context& context, const std::string& name) const {
    oci::ImageStore store(context.layout);
    std::string wanted = name;
    if (!platform_.empty()) {
      TRY(oci::Platform platform, oci::ParsePlatform(platform_, oci::HostPlatform()));
      TRY(oci::ResolvedImage chosen, store.ResolveForPlatform(name, platform));
      wanted = chosen.record.id.ToString();
    }
    auto image = store.Find(wanted);
    if (!image) return Fail(std::move(image).error());
    TRY(oci::ImageConfig config, store.ReadConfig(image->record));
    return InspectImage(*image, config);
  }

  Result<Json> FindNetwork(Context& context, const std::string& name) const {
    TRY(net::NetworkRecord network, FindAnyNetwork(context.layout, name));
    return InspectNetwork(context.layout, network);
  }

  Result<Json> FindVolume(Context& context, const std::string& name) const {
    TRY(core::VolumeRecord record, core::ReadVolume(context.layout, name));
    return InspectVolume(context.layout, record);
  }

  Result<Json> FindContainer(Context& context, const std::string& name) const {
    TRY(std::string id, core::FindContainer(context.layout, name));
    TRY(core::ContainerStatus status, core::Heal(context.layout, id));
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    Json object = InspectContainer(context.layout, record, status);
    if (size_) TRY(AddSizes(context, record, object));
    return object;
  }

  static Result<> AddSizes(const Context& context, const core::ContainerRecord& record,
                           Json& object) {
    int64_t written = 0;
    if (record.config.HasUpper()) {
      TRY(written, WrittenBytes(UpperDirectory(context.layout, record)));
    }
    object["SizeRw"] = written;
    // Of a container whose image was removed, or that has a --rootfs, nobody has counted.
    auto image = oci::ImageStore(context.layout).Resolve("sha256:" + record.config.image.id);
    if (image) object["SizeRootFs"] = image->record.size + written;
    return {};
  }

  std::vector<std::string> names_;
  std::string format_;
  std::string type_;
  std::string platform_;
  bool size_ = false;
};
HOY_REGISTER_COMMAND(InspectCommand);

}  // namespace
}  // namespace hoy::cli
