#include "cli/ops/image_users.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class ManifestRmCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "manifest rm", .summary = "Remove manifest lists", .section = Section::kImages};
  ManifestRmCommand() : Command(kInfo) {
    Arguments("LIST", &lists_, Completes::kImage);
    Flag("-i,--ignore", &ignore_, "a list that is not there is no error");
  }

  Result<int> Run(Context& context) override {
    return ForEachObject(
        context, lists_, [&](const std::string& list) { return Remove(context, list); },
        /*print_names=*/false);
  }

 private:
  Result<> Remove(Context& context, const std::string& name) const {
    oci::ImageStore store(context.layout);
    TRY(auto list, store.FindList(name));
    if (!list && ignore_) return {};
    if (!list) return Fail(ErrorKind::kNotFound, "no such manifest list: '{}'", name);
    TRY(oci::RemovedImage removed,
        store.Remove(list->reference, /*force=*/false, UsersOf(context.layout)));
    for (const std::string& text : removed.untagged) context.out.Print("Untagged: {}\n", text);
    for (const oci::Digest& digest : removed.deleted) {
      context.out.Print("Deleted: {}\n", digest.ToString());
    }
    return {};
  }

  std::vector<std::string> lists_;
  bool ignore_ = false;
};
HOY_REGISTER_COMMAND(ManifestRmCommand);

}  // namespace
}  // namespace hoy::cli
