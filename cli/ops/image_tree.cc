#include "cli/ops/image_tree.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

struct PlatformLine {
  std::string platform;
  std::string digest;                       // of its manifest
  std::optional<Json> size = std::nullopt;  // of what is here
};

Json SizeOf(const oci::ImageRecord& record) {
  return FormatByteSize(static_cast<uint64_t>(std::max<int64_t>(0, record.size)), 3);
}

std::vector<PlatformLine> PlatformsOf(const oci::Index& index) {
  std::vector<PlatformLine> lines;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!entry.platform || entry.platform->os == "unknown") continue;
    lines.push_back({.platform = entry.platform->ToString(), .digest = entry.digest.ToString()});
  }
  return lines;
}

// The platforms that the index under `digest` lists; none when it is a manifest, or not here.
std::vector<PlatformLine> PlatformsOf(const oci::ImageStore& store, const std::string& digest) {
  auto parsed = oci::Digest::Parse(digest);
  if (!parsed) return {};
  auto bytes = store.ReadBlob(*parsed);
  if (!bytes) return {};
  auto document = oci::ParseManifestOrIndex(*bytes, {});
  if (!document) return {};
  const auto* index = std::get_if<oci::Index>(&*document);
  return index == nullptr ? std::vector<PlatformLine>() : PlatformsOf(*index);
}

// A list's platforms, of which several may be here.
std::optional<std::vector<PlatformLine>> PlatformsOfList(
    const oci::ImageStore& store, const std::vector<oci::ListedImage>& images,
    const std::string& name) {
  auto list = store.FindList(name);
  if (!list || !*list) return std::nullopt;
  std::vector<PlatformLine> lines = PlatformsOf((*list)->index);
  for (PlatformLine& line : lines) {
    for (const oci::ListMember& member : (*list)->members) {
      if (member.manifest.ToString() != line.digest || member.image.empty()) continue;
      auto image = std::ranges::find_if(images, [&](const oci::ListedImage& candidate) {
        return candidate.record.id == member.image;
      });
      if (image != images.end()) line.size = SizeOf(image->record);
    }
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
    std::string name = row["Repository"].get<std::string>();
    if (tag != "<none>") name += ":" + tag;
    add(name, id, row["Size"]);
    auto of_list = PlatformsOfList(store, images, name);
    std::vector<PlatformLine> lines;
    if (of_list) {
      lines = *std::move(of_list);
      if (!all_platforms) std::erase_if(lines, [](const auto& line) { return !line.size; });
    } else {
      if (all_platforms) lines = PlatformsOf(store, row["Digest"].get<std::string>());
      auto own = std::ranges::find(lines, record.manifest.ToString(), &PlatformLine::digest);
      if (own == lines.end()) {
        own = lines.insert(lines.begin(), {.platform = record.platform.ToString(),
                                           .digest = record.manifest.ToString()});
      }
      own->size = row["Size"];
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string_view branch = i + 1 < lines.size() ? "├─ " : "└─ ";
      add(std::string(branch) + lines[i].platform, lines[i].digest,
          lines[i].size.value_or(Json("-")));
    }
  }
  return tree;
}

}  // namespace hoy::cli
