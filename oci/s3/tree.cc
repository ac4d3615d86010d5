#include "oci/s3/tree.h"

#include <climits>

#include "core/base/text.h"

namespace hoy::oci {

std::string_view WhyNoPath(std::string_view relative) {
  if (relative.ends_with('/')) relative.remove_suffix(1);
  if (relative.empty()) return "it has no name";
  if (relative.size() > kLongestKey) return "it is too long";
  // A record of the copy is text, in which it would be another path.
  if (!IsUtf8(relative)) return "it is not UTF-8";
  for (std::string_view part : Split(relative, '/')) {
    if (part.empty()) return "it has an empty part";
    if (part == "." || part == "..") return "it has '.' or '..' in it";
    if (part.size() > NAME_MAX) return "a part of it is too long";
    if (part.find('\0') != std::string_view::npos) return "it has a zero byte in it";
  }
  return "";
}

RemoteTree MakeRemoteTree(std::span<const S3Object> objects, std::string_view prefix) {
  RemoteTree tree;
  for (const S3Object& object : objects) {
    if (!object.key.starts_with(prefix)) {
      tree.impossible.emplace_back(object.key, "it was not asked for");
      continue;
    }
    std::string relative = object.key.substr(prefix.size());
    if (relative.empty()) continue;  // what some tools make for the prefix itself
    if (std::string_view why = WhyNoPath(relative); !why.empty()) {
      tree.impossible.emplace_back(object.key, why);
      continue;
    }
    bool directory = relative.ends_with('/');
    if (directory) relative.pop_back();
    if (relative.size() > LongestPath(prefix)) {
      tree.impossible.emplace_back(object.key, "it is too long");
      continue;
    }
    RemoteEntry entry{object.key, directory, object.size, object.etag, object.modified};
    auto [place, made] = tree.entries.try_emplace(relative, entry);
    if (made) continue;
    RemoteEntry& there = place->second;
    const std::string& loser = directory ? there.key : object.key;
    if (!loser.empty()) tree.impossible.emplace_back(loser, "there is a directory of that name");
    if (directory) there = entry;
  }
  // Directories that have no object, and files in whose place they are.
  std::vector<std::string> paths;
  for (const auto& [path, entry] : tree.entries) paths.push_back(path);
  for (const std::string& path : paths) {
    for (size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
         slash = path.rfind('/', slash - 1)) {
      auto [place, made] = tree.entries.try_emplace(path.substr(0, slash));
      RemoteEntry& parent = place->second;
      if (!made && !parent.directory) {
        tree.impossible.emplace_back(parent.key, "there is a directory of that name");
        parent = {};
      }
      parent.directory = true;
    }
  }
  return tree;
}

}  // namespace hoy::oci
