#include "cli/ops/image_tree.h"

#include <algorithm>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

struct PlatformLine {
  std::string platform;
  std::string digest;  // of its manifest
  bool here = false;
};

// The platforms that the index under `digest` lists; none when it is a manifest, or not here.
std::vector<PlatformLine> PlatformsOf(const oci::ImageStore& store, const std::string& digest) {
  std::vector<PlatformLine> lines;
  auto parsed = oci::Digest::Parse(digest);
  if (!parsed) return lines;
  auto bytes = store.ReadBlob(*parsed);
  if (!bytes) return lines;
  auto document = oci::ParseManifestOrIndex(*bytes, {});
  if (!document) return lines;
  const auto* index = std::get_if<oci::Index>(&*document);
  if (index == nullptr) return lines;
  for (const oci::Descriptor& entry : index->manifests) {
    if (!entry.platform || entry.platform->os == "unknown") continue;
    lines.push_back({.platform = entry.platform->ToString(), .digest = entry.digest.ToString()});
  }
  return lines;
}

}  // namespace

std::vector<Json> ImageTreeRows(const oci::ImageStore& store,
                                const std::vector<oci::ListedImage>& images,
                                const std::vector<Json>& rows, bool all_platforms, bool no_trunc) {
  std::vector<Json> tree;
  auto add = [&](std::string name, const std::string& digest, const Json& size) {
    auto parsed = oci::Digest::Parse(digest);
    std::string id = !parsed ? digest : no_trunc ? parsed->ToString() : parsed->Short();
    tree.push_back({{"Image", std::move(name)}, {"ID", id}, {"Size", size}});
  };
  for (const Json& row : rows) {
    auto id = row["ID"].get<std::string>();
    auto image = std::ranges::find_if(images, [&](const oci::ListedImage& candidate) {
      return candidate.record.id.ToString() == id;
    });
    if (image == images.end()) continue;
    const oci::ImageRecord& record = image->record;
    auto tag = row["Tag"].get<std::string>();
    add(tag == "<none>" ? row["Repository"].get<std::string>()
                        : row["Repository"].get<std::string>() + ":" + tag,
        id, row["Size"]);
    std::vector<PlatformLine> lines;
    if (all_platforms) lines = PlatformsOf(store, row["Digest"].get<std::string>());
    bool listed = false;
    for (PlatformLine& line : lines) {
      line.here = line.digest == record.manifest.ToString();
      listed = listed || line.here;
    }
    if (!listed) {
      lines.insert(lines.begin(), {.platform = record.platform.ToString(),
                                   .digest = record.manifest.ToString(),
                                   .here = true});
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string_view branch = i + 1 < lines.size() ? "├─ " : "└─ ";
      add(std::string(branch) + lines[i].platform, lines[i].digest,
          lines[i].here ? row["Size"] : Json("-"));
    }
  }
  return tree;
}

}  // namespace hoy::cli
