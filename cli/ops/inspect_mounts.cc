#include "cli/ops/inspect_mounts.h"

#include <sys/mount.h>

#include <cstdlib>

#include "cli/ops/inspect_json.h"
#include "core/base/text.h"
#include "core/state/volume.h"

namespace hoy::cli {
namespace {

std::string_view TypeOf(const core::Mount& mount) {
  if (mount.image) return "image";
  if (mount.kind == core::MountKind::kDevpts) return "devpts";
  return mount.kind == core::MountKind::kBind ? "bind" : "tmpfs";
}

std::string_view PropagationOf(const core::Mount& mount) {
  bool all = mount.propagation == 0 || (mount.propagation & MS_REC) != 0;
  if ((mount.propagation & MS_SHARED) != 0) return all ? "rshared" : "shared";
  if ((mount.propagation & MS_SLAVE) != 0) return all ? "rslave" : "slave";
  return all ? "rprivate" : "private";
}

// As docker: what -v says. --mount and --tmpfs have none.
std::string_view ModeOf(const core::Mount& mount) {
  return mount.kind == core::MountKind::kTmpfs ? std::string_view() : mount.mode;
}

Json BindOptionsOf(const core::Mount& mount) {
  Json options;
  if (mount.propagation != 0) options["Propagation"] = PropagationOf(mount);
  if (!mount.recursive) options["NonRecursive"] = true;
  if (mount.create_source) options["CreateMountpoint"] = true;
  if ((mount.flags & MS_RDONLY) != 0 && mount.recursive && !mount.recursive_readonly) {
    options["ReadOnlyNonRecursive"] = true;
  }
  return options;
}

Json VolumeOptionsOf(const core::VolumeUse& volume) {
  Json options;
  if (volume.no_copy) options["NoCopy"] = true;
  if (!volume.labels.empty()) options["Labels"] = ObjectOf(volume.labels);
  if (!volume.subpath.empty()) options["Subpath"] = volume.subpath;
  if (!volume.options.empty()) options["DriverConfig"] = {{"Options", ObjectOf(volume.options)}};
  return options;
}

Json TmpfsOptionsOf(const core::Mount& mount) {
  Json options;
  for (std::string_view word : Split(mount.data, ',')) {
    auto [key, value] = CutAt(word, '=');
    if (key == "size") {
      // A share of the memory is no number of bytes.
      if (auto bytes = ParseInteger<int64_t>(value.value_or(""))) options["SizeBytes"] = *bytes;
    } else if (key == "mode") {
      options["Mode"] = std::strtoul(std::string(value.value_or("")).c_str(), nullptr, 8);
    }
  }
  return options;
}

std::string SourceOf(const core::Mount& mount) {
  if (mount.image) return mount.image->reference;
  return mount.kind == core::MountKind::kBind ? mount.source : "";
}

}  // namespace

Json TmpfsOf(const core::ContainerConfig& config) {
  Json all = Json::object();
  for (const core::Mount& mount : config.mounts) {
    if (!mount.from_user || mount.kind != core::MountKind::kTmpfs) continue;
    if (mount.by_mount_option) continue;
    if (!mount.mode.empty()) {
      all[mount.target] = mount.mode;
      continue;
    }
    std::string options = (mount.flags & MS_RDONLY) != 0 ? "ro" : "";
    if (!mount.data.empty()) options += (options.empty() ? "" : ",") + mount.data;
    all[mount.target] = options;
  }
  return all;
}

Json HostMountsOf(const core::ContainerConfig& config) {
  Json list;
  for (const core::Mount& mount : config.mounts) {
    if (!mount.by_mount_option) continue;
    Json one = {{"Type", mount.volume ? "volume" : TypeOf(mount)}};
    std::string source = SourceOf(mount);
    if (mount.volume) source = mount.volume->anonymous ? "" : mount.volume->name;
    if (!source.empty()) one["Source"] = source;
    one["Target"] = mount.target;
    if ((mount.flags & MS_RDONLY) != 0) one["ReadOnly"] = true;
    auto add = [&](const char* name, Json options) {
      if (!options.is_null()) one[name] = std::move(options);
    };
    if (mount.volume) {
      add("VolumeOptions", VolumeOptionsOf(*mount.volume));
    } else if (mount.image) {
      if (!mount.image->subpath.empty()) add("ImageOptions", {{"Subpath", mount.image->subpath}});
    } else if (mount.kind == core::MountKind::kTmpfs) {
      add("TmpfsOptions", TmpfsOptionsOf(mount));
    } else if (mount.kind == core::MountKind::kBind) {
      add("BindOptions", BindOptionsOf(mount));
    }
    list.push_back(std::move(one));
  }
  return list;
}

Json MountsOf(const core::Layout& layout, const core::ContainerConfig& config) {
  Json list = Json::array();
  for (const core::Mount& mount : config.mounts) {
    if (!mount.from_user) continue;
    bool writable = (mount.flags & MS_RDONLY) == 0;
    if (mount.volume) {
      list.push_back({{"Type", "volume"},
                      {"Name", mount.volume->name},
                      {"Source", core::VolumeData(layout, mount.volume->name)},
                      {"Destination", mount.target},
                      {"Driver", "local"},
                      {"Mode", ModeOf(mount)},
                      {"RW", writable},
                      {"Propagation", ""}});
      continue;
    }
    bool bind = mount.kind == core::MountKind::kBind;
    list.push_back({{"Type", TypeOf(mount)},
                    {"Source", SourceOf(mount)},
                    {"Destination", mount.target},
                    {"Mode", ModeOf(mount)},
                    {"RW", writable},
                    {"Propagation", bind && !mount.image ? PropagationOf(mount) : ""}});
  }
  return list;
}

}  // namespace hoy::cli
