#include "core/cgroup/host.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/mount_info.h"

namespace hoy::core {
namespace {

constexpr const char* kUsualMountpoint = "/sys/fs/cgroup";

struct CgroupMount {
  bool unified = false;
  std::string root;  // which cgroup of the hierarchy is seen at the mountpoint
  std::string mountpoint;
  std::vector<std::string_view> options;  // of the superblock: the controllers are among them
};

std::vector<CgroupMount> ParseCgroupMounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (std::string_view line : Split(mountinfo, '\n')) {
    size_t separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    auto after = Split(line.substr(separator + 3), ' ');
    if (after.size() < 3 || (after[0] != "cgroup" && after[0] != "cgroup2")) continue;
    auto before = Split(line.substr(0, separator), ' ');
    if (before.size() < 5) continue;
    mounts.push_back({after[0] == "cgroup2", UnescapeMountPath(before[3]),
                      UnescapeMountPath(before[4]), Split(after[2], ',')});
  }
  return mounts;
}

bool Shows(const CgroupMount& mount, std::string_view hierarchy_name) {
  if (hierarchy_name.empty() || mount.unified) return hierarchy_name.empty() && mount.unified;
  return std::ranges::all_of(Split(hierarchy_name, ','), [&](std::string_view controller) {
    return std::ranges::find(mount.options, controller) != mount.options.end();
  });
}

// A cgroup path as seen below a mount that shows `root`. A path outside of it (a mount from another
// cgroup namespace) gives the mount's root: all we can see is ours to use.
std::string BelowMount(std::string_view path, std::string_view root) {
  if (root == "/") root = "";
  if (path == "/") path = "";
  if (path.find("/..") != std::string_view::npos || !path.starts_with(root)) return "";
  std::string_view rest = path.substr(root.size());
  return rest.empty() || rest[0] == '/' ? std::string(rest) : "";
}

CgroupHost HostSeenBy(std::string_view process) {
  auto mountinfo = ReadFile("/proc/self/mountinfo");
  auto cgroups = ReadFile(fmt::format("/proc/{}/cgroup", process));
  if (!mountinfo || !cgroups) return {};
  return ParseCgroupHost(*mountinfo, *cgroups);
}

}  // namespace

bool CgroupHierarchy::Has(std::string_view controller) const {
  return std::ranges::any_of(Split(name, ','),
                             [&](std::string_view each) { return each == controller; });
}

const CgroupHierarchy* CgroupHost::Find(std::string_view controller) const {
  auto found = std::ranges::find_if(
      hierarchies, [&](const CgroupHierarchy& each) { return each.Has(controller); });
  return found == hierarchies.end() ? nullptr : &*found;
}

const CgroupHierarchy* CgroupHost::Unified() const {
  auto found = std::ranges::find_if(hierarchies,
                                    [](const CgroupHierarchy& each) { return each.name.empty(); });
  return found == hierarchies.end() ? nullptr : &*found;
}

CgroupHost ParseCgroupHost(std::string_view mountinfo, std::string_view own_cgroups) {
  CgroupHost host;
  auto mounts = ParseCgroupMounts(mountinfo);
  for (std::string_view line : Split(own_cgroups, '\n')) {
    auto [number, rest] = CutAt(line, ':');
    if (!rest) continue;
    auto [name, path] = CutAt(*rest, ':');
    if (!path) continue;
    auto mount =
        std::ranges::find_if(mounts, [name](const CgroupMount& each) { return Shows(each, name); });
    if (mount == mounts.end()) continue;
    host.hierarchies.push_back(
        {std::string(name), mount->mountpoint, BelowMount(*path, mount->root)});
    if (name.empty()) {
      if (host.version == CgroupVersion::kNone) host.version = CgroupVersion::kV2;
    } else if (!name.starts_with("name=")) {
      host.version = CgroupVersion::kV1;
    }
  }
  return host;
}

CgroupHost FullCgroupHost() {
  return HostSeenBy("self");
}

CgroupHost CgroupHostOf(pid_t pid) {
  return HostSeenBy(std::to_string(pid));
}

CgroupHost DetectCgroupHost() {
  struct statfs filesystem{};
  if (statfs(kUsualMountpoint, &filesystem) == 0 && filesystem.f_type == CGROUP2_SUPER_MAGIC) {
    return {CgroupVersion::kV2, {{"", kUsualMountpoint, ""}}};
  }
  return FullCgroupHost();
}

bool IsManagedBySystemd(std::string_view cgroup_path) {
  constexpr std::array<std::string_view, 3> kUnitSuffixes = {".slice", ".scope", ".service"};
  return std::ranges::any_of(Split(cgroup_path, '/'), [&](std::string_view part) {
    return std::ranges::any_of(kUnitSuffixes,
                               [&](std::string_view suffix) { return part.ends_with(suffix); });
  });
}

CgroupHostInfo DescribeCgroupHost() {
  CgroupHost host = DetectCgroupHost();
  CgroupHostInfo info{host.version, {}};
  if (host.version == CgroupVersion::kV2) {
    auto text = ReadFile(host.Unified()->mountpoint + "/cgroup.controllers");
    if (!text) return info;
    for (std::string_view name : Split(Trim(*text), ' ')) info.controllers.emplace_back(name);
  } else {
    for (const CgroupHierarchy& hierarchy : host.hierarchies) {
      if (hierarchy.name.empty() || hierarchy.name.starts_with("name=")) continue;
      for (std::string_view name : Split(hierarchy.name, ',')) info.controllers.emplace_back(name);
    }
  }
  std::ranges::sort(info.controllers);
  return info;
}

}  // namespace hoy::core
