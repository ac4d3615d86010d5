#include "cli/ops/image_history.h"
#include "cli/ui/format.h"
#include "oci/image/image_store.h"
#include "oci/image/layer_info.h"

namespace hoy::cli {
namespace {

class HistoryCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "history",
                                        .aliases = "image history",
                                        .summary = "Show how an image was made",
                                        .section = Section::kImages};
  HistoryCommand() : ListCommand(kInfo) {
    Argument("IMAGE", &image_, Completes::kImage);
    Option("--platform", &platform_, "OS/ARCH[/VARIANT]", "which image of a multi-platform one")
        .Completing(Completes::kPlatform);
    Flag("-H,--human", &human_, "sizes and ages in words; false prints bytes and times");
  }

  Result<int> Run(Context& context) override {
    oci::ImageStore store(context.layout);
    oci::ResolvedImage image;
    if (platform_.empty()) {
      TRY(image, store.Resolve(image_));
    } else {
      TRY(oci::Platform platform, oci::ParsePlatform(platform_, oci::HostPlatform()));
      TRY(image, store.ResolveForPlatform(image_, platform));
    }
    TRY_CONTEXT_SET(oci::ImageConfig config, store.ReadConfig(image.record), "image '{}'", image_);
    std::vector<uint64_t> layer_bytes;
    for (const oci::Digest& chain_id : image.record.chain_ids) {
      layer_bytes.push_back(oci::LayerFileBytes(context.layout, chain_id));
    }
    auto rows = HistoryRows(image.record.id, config.history, layer_bytes,
                            {.no_trunc = no_trunc_, .human = human_, .now = core::Now()});
    return PrintRows(context,
                     {.columns = {{"ID", "IMAGE"},
                                  {"CreatedSince", "CREATED"},
                                  {"CreatedBy", "CREATED BY", /*flexible=*/true},
                                  {"Size", "SIZE"},
                                  {"Comment", "COMMENT"}},
                      .more = {{"CreatedAt", "CREATED AT"}}},
                     rows);
  }

 private:
  std::string image_;
  std::string platform_;
  bool human_ = true;
};
HOY_REGISTER_COMMAND(HistoryCommand);

}  // namespace
}  // namespace hoy::cli
