#include "core/rootfs/executable.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace hoy::core {
namespace {

std::string Join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

// The directories of a PATH. An empty entry is the working directory, and so is a relative one
// below it.
std::vector<std::string> PathDirectories(std::string_view path_env, std::string_view cwd) {
  std::vector<std::string> directories;
  for (std::string_view entry : Split(path_env, ':')) {
    std::string directory(entry);
    if (!entry.starts_with('/')) directory = entry.empty() ? std::string(cwd) : Join(cwd, entry);
    if (std::ranges::find(directories, directory) == directories.end()) {
      directories.push_back(std::move(directory));
    }
  }
  return directories;
}

std::unexpected<Error> LookupError(int system_errno, std::string_view name,
                                   std::string_view message) {
  return Fail(Error{.kind = ErrorKind::kStart,
                    .system_errno = system_errno,
                    .stage = "lookup",
                    .subject = std::string(name),
                    .message = fmt::format("'{}': {}", name, message),
                    .hint = {}});
}

}  // namespace

std::string_view PathOf(const std::vector<std::string>& env) {
  for (const std::string& variable : env) {
    if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
  }
  return kDefaultPath;
}

Result<std::string> FindExecutable(LayeredRoot& root, std::string_view path_env,
                                   std::string_view cwd, std::string_view name) {
  if (name.empty()) return LookupError(ENOENT, name, "an empty name is no program");
  if (name.contains('/')) {
    return name.starts_with('/') ? std::string(name) : Join(cwd, name);
  }
  std::string not_executable;
  for (const std::string& directory : PathDirectories(path_env, cwd)) {
    std::string path = Join(directory, name);
    auto file = root.Find(path);
    if (!file.has_value() || !S_ISREG(file->status.st_mode)) continue;
    if ((file->status.st_mode & 0111) != 0) return path;
    if (not_executable.empty()) not_executable = std::move(path);
  }
  if (!not_executable.empty()) {
    return LookupError(EACCES, name, fmt::format("'{}' is not executable", not_executable));
  }
  return LookupError(ENOENT, name, "not found in PATH");
}

std::vector<std::string> NearbyExecutables(LayeredRoot& root, std::string_view path_env,
                                           std::string_view name) {
  constexpr size_t kMaxLength = 64;  // longer names are no slips of the finger
  if (name.empty() || name.size() > kMaxLength) return {};
  size_t reach = name.size() <= 3 ? 1 : 2;
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& directory : PathDirectories(path_env, "/")) {
    auto names = root.List(directory);
    if (!names.has_value()) continue;
    for (const std::string& candidate : *names) {
      size_t longer = std::max(candidate.size(), name.size());
      if (longer - std::min(candidate.size(), name.size()) > reach) continue;
      size_t distance = EditDistance(candidate, name);
      if (distance > reach || distance >= name.size()) continue;
      bool known = std::ranges::any_of(near, [&](const auto& n) { return n.second == candidate; });
      if (known) continue;
      auto file = root.Find(Join(directory, candidate));
      if (!file.has_value() || !S_ISREG(file->status.st_mode) ||
          (file->status.st_mode & 0111) == 0) {
        continue;
      }
      near.emplace_back(distance, candidate);
    }
  }
  std::ranges::sort(near);
  std::vector<std::string> best;
  for (size_t i = 0; i < near.size() && i < 3; ++i) best.push_back(near[i].second);
  return best;
}

}  // namespace hoy::core
