#include "cli/ops/check_images.h"

#include "cli/ops/image_users.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

std::string NameOf(const oci::ListedImage& image) {
  return image.names.empty() ? image.record.id.Short() : image.names.front();
}

}  // namespace

std::vector<core::Finding> CheckImages(const core::Layout& layout, core::CheckMode mode) {
  std::vector<core::Finding> findings;
  oci::ImageStore store(layout);
  auto damaged = store.FindDamaged();
  if (!damaged) findings.push_back({"images", damaged.error().message, "", false, ""});
  for (const oci::DamagedImage& one : damaged.value_or(std::vector<oci::DamagedImage>{})) {
    bool is_known = !one.image.record.id.empty();
    findings.push_back({is_known ? fmt::format("image '{}'", NameOf(one.image)) : "images",
                        one.error.message, "", false,
                        is_known ? "pull or load it again" : one.error.hint});
  }
  oci::ListImageUsers users = UsersOf(layout);
  core::Timestamp before = core::Now() - oci::kPartialsStay;
  auto garbage = store.FindGarbage(users, before);
  if (garbage && garbage->bytes == 0 && garbage->layers.empty()) return findings;
  if (!garbage) {
    findings.push_back({"images", garbage.error().message, "", false, ""});
    return findings;
  }
  core::Finding finding{"images",
                        fmt::format("{} that no image needs",
                                    FormatByteSize(static_cast<uint64_t>(garbage->bytes), 4)),
                        "removed", false, ""};
  if (mode == core::CheckMode::kMend) {
    auto collected = store.CollectGarbage(users, before);
    finding.is_mended = collected.has_value();
    if (!collected) finding.error = collected.error().message;
  }
  findings.push_back(std::move(finding));
  return findings;
}

}  // namespace hoy::cli
