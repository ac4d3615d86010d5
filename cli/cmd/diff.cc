#include <optional>

#include "cli/ops/container_tree.h"
#include "cli/ui/format.h"
#include "cli/ui/printable.h"
#include "core/rootfs/tree_diff.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

using Trees = std::vector<std::string>;

// What a name stands for, and what it is compared with where nothing else was named.
struct Compared {
  Trees trees;   // topmost first
  Trees parent;  // of a container its image, of an image all but its last layer
};

class DiffCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "diff",
                                        .aliases = "container diff, image diff",
                                        .summary = "Show what changed in a file system",
                                        .section = Section::kContainers};
  DiffCommand() : ListCommand(kInfo) {
    Argument("CONTAINER|IMAGE", &name_, Completes::kContainerOrImage);
    OptionalArgument("BASE", &base_, Completes::kContainerOrImage);
  }

  Result<int> Run(Context& context) override {
    TRY(Compared after, Find(context, name_));
    Trees before = after.parent;
    if (base_) {
      TRY(Compared base, Find(context, *base_));
      before = std::move(base.trees);
    }
    RaiseDescriptorLimit();
    TRY_CONTEXT_SET(auto changes, core::CompareTrees(before, after.trees), "diff '{}'", name_);
    std::vector<Json> rows;
    bool one_line = context.terminal.stdout_is_terminal && format_ != "json";
    for (core::FileChange& change : changes) {
      rows.push_back({{"Kind", std::string(1, static_cast<char>(change.kind))},
                      {"Path", one_line ? Printable(change.path) : std::move(change.path)}});
    }
    if (format_.empty() && !quiet_) format_ = "{{.Kind}} {{.Path}}";
    return PrintRows(
        context, {.columns = {{"Kind", "KIND"}, {"Path", "PATH"}}, .quiet_field = "Path"}, rows);
  }

 private:
  static Result<Compared> Find(const Context& context, const std::string& name) {
    bool container_only = context.spelling.starts_with("container ");
    if (!context.spelling.starts_with("image ")) {
      auto id = core::FindContainer(context.layout, name);
      if (id) return OfContainer(context, *id, name);
      if (container_only || id.error().kind == ErrorKind::kConflict) {
        return Fail(std::move(id).error());
      }
    }
    auto image = oci::ImageStore(context.layout).Resolve(name);
    if (!image && image.error().kind == ErrorKind::kNotFound &&
        !context.spelling.starts_with("image ")) {
      return Fail(ErrorKind::kNotFound, "no such container or image: '{}'", name);
    }
    if (!image) return Fail(std::move(image).error());
    Compared found;
    const auto& chain_ids = image->record.chain_ids;
    for (auto chain_id = chain_ids.rbegin(); chain_id != chain_ids.rend(); ++chain_id) {
      found.trees.push_back(context.layout.LayerFiles(chain_id->hex()));
    }
    found.parent.assign(found.trees.begin() + (found.trees.empty() ? 0 : 1), found.trees.end());
    return found;
  }

  static Result<Compared> OfContainer(const Context& context, const std::string& id,
                                      const std::string& name) {
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    if (!record.config.HasUpper()) {
      return Fail(ErrorKind::kUnsupported,
                  "container '{}' writes into the directory that --rootfs named, and nothing "
                  "remembers what that was before",
                  name);
    }
    Compared found;
    found.trees = ContainerTrees(context.layout, record);
    found.trees.push_back(context.layout.MountPoints());
    found.parent.assign(found.trees.begin() + 1, found.trees.end());
    return found;
  }

  std::string name_;
  std::optional<std::string> base_;
};
HOY_REGISTER_COMMAND(DiffCommand);

}  // namespace
}  // namespace hoy::cli
