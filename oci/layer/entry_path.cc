#include "oci/layer/entry_path.h"

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kMetaPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

}  // namespace

Result<std::vector<std::string_view>> SplitEntryPath(std::string_view name) {
  std::vector<std::string_view> components;
  while (!name.empty()) {
    size_t slash = name.find('/');
    std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      if (components.size() == kMaxEntryDepth) {
        return Fail(ErrorKind::kCorrupt, "the name has more than {} components", kMaxEntryDepth);
      }
      components.push_back(part);
    } else if (components.empty()) {
      return Fail(ErrorKind::kCorrupt, "the name leads out of the layer");
    } else {
      components.pop_back();
    }
  }
  return components;
}

std::string JoinPath(const std::vector<std::string_view>& components) {
  std::string path;
  for (std::string_view component : components) {
    if (!path.empty()) path += '/';
    path += component;
  }
  return path;
}

Result<EntryRole> RoleOf(const std::vector<std::string_view>& components) {
  if (components.empty()) return EntryRole::kFile;
  std::string_view last = components.back();
  for (size_t i = 0; i + 1 < components.size(); ++i) {
    if (components[i].starts_with(kMetaPrefix)) return EntryRole::kIgnored;
  }
  if (last == kOpaqueName) return EntryRole::kOpaque;
  if (last.starts_with(kMetaPrefix)) return EntryRole::kIgnored;
  if (!last.starts_with(kWhiteoutPrefix)) return EntryRole::kFile;
  std::string_view target = WhiteoutName(last);
  if (target.empty() || target == "." || target == "..") {
    return Fail(ErrorKind::kCorrupt, "a whiteout must name a file");
  }
  return EntryRole::kWhiteout;
}

Result<> CheckIsNoWhiteout(std::string_view name) {
  if (!name.starts_with(kWhiteoutPrefix)) return {};
  return Fail(MakeError(ErrorKind::kUnsupported, "a layer cannot hold a file of that name")
                  .WithHint("in a layer, a name that begins with .wh. marks what was removed"));
}

std::string_view WhiteoutName(std::string_view last_component) {
  return last_component.substr(kWhiteoutPrefix.size());
}

std::string Printable(std::string_view name) {
  std::string text;
  for (char c : name.substr(0, 512)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace hoy::oci
