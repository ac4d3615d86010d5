#include "core/engine/timezone.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>

#include "core/base/text.h"
#include "core/engine/resolve.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr std::string_view kLocal = "local";
constexpr std::string_view kLocaltime = "/etc/localtime";
constexpr std::string_view kZones = "/usr/share/zoneinfo/";
constexpr std::string_view kMagic = "TZif";  // RFC 8536
constexpr size_t kMostBytes = 1 << 20;

bool RootHas(LayeredRoot& root, const std::string& path) {
  auto file = root.Find(path);
  if (!file) return false;
  auto head = root.ReadHead(*file, kMagic.size());
  return head && *head == kMagic;
}

// Whether something is at /etc/localtime that a bind would not simply cover: it would go through a
// symbolic link, and over the zone that this leads to.
bool IsLink(LayeredRoot& root) {
  auto file = root.Find(kLocaltime, LayeredRoot::LastLink::kKeep);
  return file && S_ISLNK(file->status.st_mode);
}

Error NoSuchZone(std::string_view zone) {
  bool host_has_any = Exists(std::string(kZones) + "UTC") || Exists(std::string(kZones) + "Etc");
  Error error = MakeError(ErrorKind::kNotFound, fmt::format("--tz '{}': no such time zone", zone));
  error.subject = zone;
  return std::move(error).WithHint(
      host_has_any ? fmt::format("the names are those below {}", kZones)
                   : "neither the image nor this host has time zones (the package tzdata)");
}

}  // namespace

bool IsTimezoneName(std::string_view name) {
  for (std::string_view part : Split(name, '/')) {
    bool good = !part.empty() && part[0] != '.' && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '+' || c == '.';
    });
    if (!good) return false;
  }
  return !name.empty();
}

Result<std::optional<ResolvedTimezone>> ResolveTimezone(LayeredRoot& root,
                                                        const ContainerConfig& config) {
  std::string zone = config.timezone;
  bool mounted =
      std::ranges::find(config.mounts, kLocaltime, &Mount::target) != config.mounts.end();
  if (zone.empty() || mounted) return std::nullopt;
  std::string host_file = std::string(kZones) + zone;
  if (zone == kLocal) {
    std::array<char, PATH_MAX> resolved{};
    host_file = kLocaltime;
    if (realpath(host_file.c_str(), resolved.data()) == nullptr) {
      return FailErrno("--tz local", host_file);
    }
    host_file = resolved.data();
    zone = host_file.starts_with(kZones) ? host_file.substr(kZones.size()) : "";
  }
  ResolvedTimezone timezone;
  if (std::string path = std::string(kZones) + zone; !zone.empty() && RootHas(root, path)) {
    timezone.link = ".." + path;
    return timezone;
  }
  auto content = ReadFile(host_file, kMostBytes);
  if (!content || !content->starts_with(kMagic)) return Fail(NoSuchZone(config.timezone));
  timezone.content = *std::move(content);
  timezone.replaces = IsLink(root);
  return timezone;
}

Result<> CheckTimezone(const Layout& layout, const ContainerConfig& config) {
  if (config.timezone.empty()) return {};
  TRY(LayeredRoot root, OpenImageRoot(layout, config));
  TRY(ResolveTimezone(root, config));
  return {};
}

}  // namespace hoy::core
