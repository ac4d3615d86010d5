#include "cli/ops/cdi.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "cli/ops/mount_options.h"
#include "cli/ops/option_values.h"
#include "cli/ops/yaml_json.h"
#include "core/base/text.h"
#include "core/state/config_names.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr size_t kMaxSpecBytes = 4 << 20;
constexpr std::string_view kGpus = "nvidia.com/gpu";

template <typename T>
void Optional(const Json& object, const char* key, std::optional<T>& value) {
  if (auto found = object.find(key); found != object.end()) value = found->get<T>();
}

CdiNode ReadNode(const Json& object) {
  CdiNode node;
  node.path = object.at("path").get<std::string>();
  node.host_path = object.value("hostPath", node.path);
  if (std::string type = object.value("type", ""); !type.empty()) node.type = type.front();
  Optional(object, "major", node.major);
  Optional(object, "minor", node.minor);
  Optional(object, "fileMode", node.mode);
  Optional(object, "uid", node.uid);
  Optional(object, "gid", node.gid);
  std::string access = object.value("permissions", "");
  if (!access.empty()) node.access = access;
  return node;
}

CdiMount ReadMount(const Json& object) {
  return {.host_path = object.at("hostPath").get<std::string>(),
          .path = object.at("containerPath").get<std::string>(),
          .type = object.value("type", ""),
          .options = object.value("options", std::vector<std::string>())};
}

const Json& Member(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  auto found = object.find(key);
  return found == object.end() || found->is_null() ? kNone : *found;
}

std::optional<core::HookPoint> PointOf(std::string_view name) {
  if (name == "prestart") return core::HookPoint::kCreateRuntime;  // what it was called once
  for (const auto& [point, known] : core::kHookPoints) {
    if (known == name) return point;
  }
  return std::nullopt;
}

Result<CdiEdits> ToEdits(const Json& object) {
  CdiEdits edits;
  for (const char* key : {"intelRdt", "netDevices"}) {
    if (!Member(object, key).empty()) {
      return Fail(ErrorKind::kUnsupported, "'{}' is not supported", key);
    }
  }
  for (const Json& item : Member(object, "env")) edits.env.push_back(item.get<std::string>());
  for (const Json& item : Member(object, "deviceNodes")) {
    const CdiNode& node = edits.nodes.emplace_back(ReadNode(item));
    if (!node.path.starts_with('/') || !node.host_path.starts_with('/') ||
        node.access.find_first_not_of("rwm") != std::string::npos) {
      return Fail(ErrorKind::kCorrupt, "device node '{}': paths are absolute, permissions of rwm",
                  node.path);
    }
  }
  for (const Json& item : Member(object, "mounts")) edits.mounts.push_back(ReadMount(item));
  for (const Json& item : Member(object, "additionalGids")) {
    edits.groups.push_back(std::to_string(item.get<uint32_t>()));
  }
  for (const Json& item : Member(object, "hooks")) {
    auto point = item.at("hookName").get<std::string>();
    core::Hook hook{.path = item.at("path").get<std::string>(),
                    .args = item.value("args", std::vector<std::string>()),
                    .env = item.value("env", std::vector<std::string>()),
                    .timeout_seconds = item.value("timeout", 0)};
    if (!hook.path.starts_with('/') || hook.timeout_seconds < 0) {
      return Fail(ErrorKind::kCorrupt, "hook '{}': not an absolute path, or a bad timeout",
                  hook.path);
    }
    auto known = PointOf(point);
    if (!known) return Fail(ErrorKind::kCorrupt, "hook '{}': no such point '{}'", hook.path, point);
    hook.point = *known;
    edits.hooks.push_back(std::move(hook));
  }
  return edits;
}

Result<CdiSpec> ToSpec(const Json& object) {
  CdiSpec spec;
  (void)object.at("cdiVersion").get<std::string>();
  spec.kind = object.at("kind").get<std::string>();
  if (auto edits = object.find("containerEdits"); edits != object.end()) {
    TRY(spec.edits, ToEdits(*edits));
  }
  for (const Json& device : object.at("devices")) {
    auto name = device.at("name").get<std::string>();
    TRY_CONTEXT_SET(spec.devices[name], ToEdits(device.at("containerEdits")), "device '{}'", name);
  }
  return spec;
}

struct FoundSpec {
  std::string file;
  CdiSpec spec;
};

struct Registry {
  std::vector<std::vector<FoundSpec>> by_directory;
  std::optional<Error> first_error;
  std::vector<std::string> names;
};

Registry ReadRegistry(const std::vector<std::string>& directories) {
  Registry registry;
  for (const std::string& directory : directories) {
    std::vector<FoundSpec>& specs = registry.by_directory.emplace_back();
    auto names = core::ListDirectory(directory);
    if (!names) continue;
    for (const std::string& name : *names) {
      bool is_spec = name.ends_with(".json") || name.ends_with(".yaml") || name.ends_with(".yml");
      if (!is_spec || name.starts_with('.')) continue;
      std::string path = directory + "/" + name;
      auto text = core::ReadFile(path, kMaxSpecBytes);
      auto spec = text ? ParseCdiSpec(*text) : Result<CdiSpec>(std::unexpected(text.error()));
      if (!spec) {
        if (!registry.first_error) {
          registry.first_error = std::move(spec).error().InContext(fmt::format("'{}'", path));
        }
        continue;
      }
      for (const auto& [device, edits] : spec->devices) {
        registry.names.push_back(spec->kind + "=" + device);
      }
      specs.push_back({path, *std::move(spec)});
    }
  }
  return registry;
}

Error NoSuchDevice(const std::string& name, Registry registry,
                   const std::vector<std::string>& directories) {
  if (registry.first_error) return *std::move(registry.first_error);
  Error error = MakeError(ErrorKind::kNotFound, fmt::format("no CDI device '{}'", name));
  error.subject = name;
  std::string text;
  for (const std::string& item : registry.names.empty() ? directories : registry.names) {
    text += (text.empty() ? "" : ", ") + item;
  }
  return std::move(error).WithHint(registry.names.empty()
                                       ? fmt::format("no file in {} names a device", text)
                                       : fmt::format("there are {}", text));
}

}  // namespace

void CdiEdits::Append(CdiEdits more) {
  auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(env, more.env);
  append(nodes, more.nodes);
  append(mounts, more.mounts);
  append(groups, more.groups);
  auto append_new = [](auto& to, auto& from) {
    for (auto& item : from) {
      if (std::ranges::find(to, item) == to.end()) to.push_back(std::move(item));
    }
  };
  append_new(hooks, more.hooks);
}

Result<core::Mount> ToMount(const CdiMount& mount) {
  bool good = mount.host_path.starts_with('/') && mount.path.starts_with('/');
  if (!good || (!mount.type.empty() && mount.type != "bind")) {
    return Fail(ErrorKind::kUnsupported, "CDI mount of '{}' on '{}': type '{}' is not supported",
                mount.host_path, mount.path, mount.type);
  }
  core::Mount bind{.source = CleanPath(mount.host_path), .target = CleanPath(mount.path)};
  bind.recursive = std::ranges::find(mount.options, "rbind") != mount.options.end();
  for (const std::string& word : mount.options) {
    if (word == "bind" || word == "rbind") continue;
    if (!ApplyMountWord(word, bind)) {
      return Fail(ErrorKind::kUnsupported, "CDI mount of '{}': option '{}' is not supported",
                  mount.host_path, word);
    }
  }
  return bind;
}

bool IsCdiName(std::string_view text) {
  Cut cut = CutAt(text, '=');
  if (!cut.after || cut.after->empty() || text.starts_with('/')) return false;
  Cut kind = CutAt(cut.before, '/');
  auto is_plain = [](std::string_view part, std::string_view more) {
    return !part.empty() && std::ranges::all_of(part, [&](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || more.contains(c);
    });
  };
  return kind.after && is_plain(kind.before, ".-_") && is_plain(*kind.after, ".-_") &&
         is_plain(*cut.after, ".-_:");
}

Result<std::vector<std::string>> ParseGpus(std::string_view text) {
  auto bad = [&](const std::string& why) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, fmt::format("--gpus '{}': {}", text, why))
                    .WithHint("all, a number, or '\"device=0,GPU-UUID\"'; further keys are count=, "
                              "driver=nvidia and capabilities="));
  };
  auto fields = SplitCsv(text);
  if (!fields) return bad("a quote is not closed");
  std::set<std::string, std::less<>> seen;
  std::vector<std::string> names;
  std::string_view before;  // the key of the field before
  for (std::string_view field : *fields) {
    auto [key, value] = CutAt(field, '=');
    // Without quotes the commas between devices are those between fields.
    bool goes_on = !value && before == "device";
    if (goes_on) {
      value = key;
      key = "device";
    } else if (!value) {
      value = key;
      key = "count";
    }
    before = key;
    if (!goes_on && !seen.emplace(key).second) return bad(fmt::format("'{}' is there twice", key));
    if (key == "device") {
      for (std::string_view name : Split(*value, ',')) names.emplace_back(name);
      if (value->empty() || names.back().empty()) return bad("a device has no name");
    } else if (key == "count") {
      bool all = *value == "all" || *value == "-1";
      auto count = ParseInteger<uint16_t>(*value);
      if (!all && count.value_or(0) == 0)
        return bad(fmt::format("'{}' is no number of GPUs", *value));
      if (all) names.emplace_back("all");
      for (unsigned i = 0; !all && i < *count; ++i) names.push_back(std::to_string(i));
    } else if (key == "driver") {
      if (*value != "nvidia") return bad(fmt::format("there is no driver '{}'", *value));
    } else if (key != "capabilities") {
      return bad(fmt::format("there is no key '{}'", key));
    }
  }
  if (seen.contains("count") && seen.contains("device")) {
    return bad("either a number of GPUs or devices");
  }
  if (names.empty()) names.emplace_back("0");  // as docker has it: one
  for (std::string& name : names) {
    name = fmt::format("{}={}", kGpus, name);
    if (!IsCdiName(name)) return bad(fmt::format("'{}' is no name of a device", name));
  }
  return names;
}

Result<CdiSpec> ParseCdiSpec(std::string_view text) {
  // JSON is YAML, but for what libyaml makes of tabs and long keys.
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    TRY(json, ParseYaml(text));
  }
  try {
    return ToSpec(json);
  } catch (const Json::exception& e) {
    return Fail(ErrorKind::kCorrupt, "not a CDI specification: {}", e.what());
  }
}

std::vector<std::string> CdiDirectories() {
  const char* chosen = std::getenv("HOY_CDI_DIRS");
  if (chosen == nullptr || *chosen == '\0') return {"/etc/cdi", "/var/run/cdi"};
  std::vector<std::string> directories;
  for (std::string_view directory : Split(chosen, ':')) directories.emplace_back(directory);
  return directories;
}

std::vector<std::string> ListCdiDevices(const std::vector<std::string>& directories) {
  std::vector<std::string> names = ReadRegistry(directories).names;
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Result<CdiEdits> FindCdiDevices(const std::vector<std::string>& names,
                                const std::vector<std::string>& directories) {
  Registry registry = ReadRegistry(directories);
  CdiEdits all;
  std::set<std::string> applied;  // specs, and devices
  for (const std::string& name : names) {
    Cut cut = CutAt(name, '=');
    const FoundSpec* found = nullptr;
    for (auto specs = registry.by_directory.rbegin();
         specs != registry.by_directory.rend() && found == nullptr; ++specs) {
      for (const FoundSpec& spec : *specs) {
        if (spec.spec.kind != cut.before || !spec.spec.devices.contains(std::string(*cut.after))) {
          continue;
        }
        if (found != nullptr) {
          return Fail(ErrorKind::kConflict, "CDI device '{}' is in '{}' and in '{}'", name,
                      found->file, spec.file);
        }
        found = &spec;
      }
    }
    if (found == nullptr) return Fail(NoSuchDevice(name, std::move(registry), directories));
    if (!applied.insert(name).second) continue;
    all.Append(found->spec.devices.at(std::string(*cut.after)));
    if (applied.insert(found->file).second) all.Append(found->spec.edits);
  }
  return all;
}

}  // namespace hoy::cli
