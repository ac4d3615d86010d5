#include "cli/ops/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "core/state/volume.h"

namespace hoy::cli {
namespace {

using core::Mount;
using core::MountKind;

struct FlagWord {
  std::string_view word;
  uint64_t set;
  uint64_t clear;
};
constexpr FlagWord kFlagWords[] = {
    {"ro", MS_RDONLY, 0},       {"readonly", MS_RDONLY, 0}, {"rw", 0, MS_RDONLY},
    {"noexec", MS_NOEXEC, 0},   {"exec", 0, MS_NOEXEC},     {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},     {"nodev", MS_NODEV, 0},     {"dev", 0, MS_NODEV},
    {"noatime", MS_NOATIME, 0},
};

struct PropagationWord {
  std::string_view word;
  uint64_t value;
};
constexpr PropagationWord kPropagationWords[] = {
    {"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC},
    {"slave", MS_SLAVE},     {"rslave", MS_SLAVE | MS_REC},
    {"shared", MS_SHARED},   {"rshared", MS_SHARED | MS_REC},
};

bool ApplyFlagWord(std::string_view word, Mount& mount) {
  for (const FlagWord& flag : kFlagWords) {
    if (flag.word == word) {
      mount.flags = (mount.flags | flag.set) & ~flag.clear;
      return true;
    }
  }
  return false;
}

bool ApplyPropagation(std::string_view word, Mount& mount) {
  for (const PropagationWord& propagation : kPropagationWords) {
    if (propagation.word == word) {
      mount.propagation = propagation.value;
      return true;
    }
  }
  return false;
}

Result<> SetTarget(std::string_view flag, std::string_view text, std::string_view target,
                   Mount& mount) {
  if (!target.starts_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': the path in the container must be absolute",
                flag, text);
  }
  mount.target = CleanPath(target);
  if (mount.target == "/") {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': the path in the container must not be '/'",
                flag, text);
  }
  return {};
}

bool IsPath(std::string_view source) {
  return source.starts_with('/') || source == "." || source == ".." || source.starts_with("./") ||
         source.starts_with("../");
}

Result<> SetSource(std::string_view flag, std::string_view text, std::string_view source,
                   std::string_view cwd, Mount& mount) {
  if (source.starts_with('/')) {
    mount.source = CleanPath(source);
  } else if (IsPath(source)) {
    mount.source = CleanPath(std::string(cwd) + "/" + std::string(source));
  } else if (source.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': the path on the host is missing", flag,
                text);
  } else {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("{} '{}': '{}' is not a path", flag, text, source))
                    .WithHint(fmt::format("for a directory, give a path: ./{}", source)));
  }
  return {};
}

Result<> CheckVolumeName(std::string_view flag, std::string_view text, std::string_view name) {
  if (core::IsValidVolumeName(name)) return {};
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("{} '{}': '{}' is not the name of a volume: names are "
                                    "[a-zA-Z0-9][a-zA-Z0-9_.-]+",
                                    flag, text, name))
                  .WithHint(fmt::format("for a directory, give a path: ./{}", name)));
}

// Asked for and not there yet.
Error NotThere(std::string_view flag, std::string_view text, std::string_view what) {
  return MakeError(ErrorKind::kUnsupported, fmt::format("{} '{}': {}", flag, text, what));
}

// Fields of one CSV line (RFC 4180): quotes keep a comma, and a doubled quote is a quote.
std::optional<std::vector<std::string>> SplitCsv(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] != '"') {
        fields.back() += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
        if (i + 1 < text.size() && text[i + 1] != ',') return std::nullopt;
      }
    } else if (text[i] == '"' && fields.back().empty()) {
      quoted = true;
    } else if (text[i] == ',') {
      fields.emplace_back();
    } else {
      fields.back() += text[i];
    }
  }
  if (quoted) return std::nullopt;
  return fields;
}

std::optional<bool> ParseSwitch(const std::optional<std::string_view>& value) {
  if (!value || *value == "true" || *value == "1") return true;
  if (*value == "false" || *value == "0") return false;
  return std::nullopt;
}

bool IsOctal(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("01234567") == std::string_view::npos;
}

Mount TmpfsMount() {
  return {.kind = MountKind::kTmpfs,
          .source = "tmpfs",
          .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC,
          .from_user = true};
}

void AddData(Mount& mount, std::string_view item) {
  if (!mount.data.empty()) mount.data += ',';
  mount.data += item;
}

// size= of a tmpfs: bytes with a unit, or a share of memory in percent.
Result<std::string> TmpfsSize(std::string_view flag, std::string_view value) {
  if (value.ends_with('%')) {
    auto percent = ParseInteger<int>(value.substr(0, value.size() - 1));
    if (percent && *percent > 0 && *percent <= 100) return "size=" + std::string(value);
  }
  TRY(int64_t bytes, ParseSizeFlag(flag, value));
  return "size=" + std::to_string(bytes);
}

// One field of --mount that only a tmpfs has. False: it is not one.
Result<bool> ApplyTmpfsField(std::string_view key, std::string_view value, Mount& mount) {
  if (key == "tmpfs-size") {
    TRY(std::string size, TmpfsSize("--mount tmpfs-size", value));
    AddData(mount, size);
    return true;
  }
  if (key == "tmpfs-mode") {
    if (!IsOctal(value)) {
      return Fail(ErrorKind::kInvalidArgument, "--mount tmpfs-mode '{}': not an octal mode", value);
    }
    AddData(mount, "mode=" + std::string(value));
    return true;
  }
  return false;
}

// One field of --mount that only a bind has. False: it is not one.
Result<bool> ApplyBindField(std::string_view text, std::string_view key,
                            const std::optional<std::string_view>& value, Mount& mount) {
  if (key == "bind-propagation") {
    if (ApplyPropagation(value.value_or(""), mount)) return true;
    return Fail(ErrorKind::kInvalidArgument,
                "--mount '{}': bind-propagation is one of private, rprivate, slave, rslave, "
                "shared, rshared",
                text);
  }
  if (key == "bind-nonrecursive") {
    auto on = ParseSwitch(value);
    if (!on)
      return Fail(ErrorKind::kInvalidArgument, "--mount '{}': {} is true or false", text, key);
    mount.recursive = !*on;
    return true;
  }
  if (key == "bind-recursive") {
    if (value == "enabled" || value == "writable" || value == "readonly") {
      mount.recursive = true;
      mount.recursive_readonly = value != "writable";
    } else if (value == "disabled") {
      mount.recursive = false;
    } else {
      return Fail(ErrorKind::kInvalidArgument,
                  "--mount '{}': bind-recursive is one of enabled, disabled, writable, readonly",
                  text);
    }
    return true;
  }
  return false;
}

// One field of --mount that only a volume has. False: it is not one.
Result<bool> ApplyVolumeField(std::string_view text, std::string_view key,
                              const std::optional<std::string_view>& value,
                              core::VolumeUse& volume) {
  if (key == "volume-nocopy") {
    auto on = ParseSwitch(value);
    if (!on)
      return Fail(ErrorKind::kInvalidArgument, "--mount '{}': {} is true or false", text, key);
    volume.no_copy = *on;
    return true;
  }
  if (key == "volume-label") {
    TRY(auto label, ParseKeyValue(fmt::format("--mount '{}': {}", text, key), value.value_or("")));
    volume.labels.push_back(std::move(label));
    return true;
  }
  if (key == "volume-subpath") {
    auto parts = Split(value.value_or(""), '/');
    bool leaves = std::ranges::find(parts, "..") != parts.end();
    if (!value || value->empty() || value->starts_with('/') || leaves) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--mount '{}': volume-subpath is a relative path inside the volume", text);
    }
    volume.subpath = CleanPath(*value).substr(1);
    return true;
  }
  if (key == "volume-driver") {
    if (value != "local") {
      return Fail(ErrorKind::kInvalidArgument, "--mount '{}': the only volume-driver is local",
                  text);
    }
    return true;
  }
  return false;
}

// One word of the OPTIONS of -v.
Result<> ApplyVolumeWord(std::string_view text, std::string_view word, Mount& mount) {
  constexpr std::string_view kNoEffect[] = {"z", "Z", "consistent", "cached", "delegated"};
  if (ApplyFlagWord(word, mount) || std::ranges::find(kNoEffect, word) != std::end(kNoEffect)) {
    return {};
  }
  if (word == "nocopy") {
    if (mount.volume) mount.volume->no_copy = true;
    return {};  // into a bind nothing is copied anyway
  }
  if (word == "U" || word == "O" || word == "idmap" || word.starts_with("idmap=") ||
      word.starts_with("upperdir=") || word.starts_with("workdir=")) {
    return Fail(NotThere("-v", text, fmt::format("'{}' is not supported", word)));
  }
  bool knows = false;
  if (!mount.volume) {
    knows = word == "rbind" || word == "bind" || ApplyPropagation(word, mount);
    if (word == "bind") mount.recursive = false;
  }
  if (knows) return {};
  return Fail(ErrorKind::kInvalidArgument, "-v '{}': unknown option '{}'{}", text, word,
              mount.volume ? " for a volume" : "");
}

}  // namespace

std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> kept;
  for (std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.push_back(part);
    }
  }
  std::string clean;
  for (std::string_view part : kept) clean.append("/").append(part);
  return clean.empty() ? "/" : clean;
}

Result<Mount> ParseVolume(std::string_view text, std::string_view cwd) {
  auto fields = Split(text, ':');
  if (fields.empty() || fields.size() > 3) {
    return Fail(ErrorKind::kInvalidArgument, "-v '{}': expected [SOURCE:]TARGET[:OPTIONS]", text);
  }
  Mount mount{.kind = MountKind::kBind, .from_user = true};
  if (fields.size() == 1) {
    mount.volume = core::VolumeUse{.anonymous = true};
  } else if (!fields[0].empty() && !IsPath(fields[0])) {
    TRY(CheckVolumeName("-v", text, fields[0]));
    mount.volume = core::VolumeUse{.name = std::string(fields[0])};
  } else {
    TRY(SetSource("-v", text, fields[0], cwd, mount));
  }
  TRY(SetTarget("-v", text, fields.size() == 1 ? fields[0] : fields[1], mount));
  bool read_only = false;
  bool writable = false;
  for (std::string_view word : fields.size() == 3 ? Split(fields[2], ',') : Split("", ',')) {
    read_only |= word == "ro";
    writable |= word == "rw";
    TRY(ApplyVolumeWord(text, word, mount));
  }
  if (read_only && writable) {
    return Fail(ErrorKind::kInvalidArgument, "-v '{}': ro and rw contradict each other", text);
  }
  mount.recursive_readonly = mount.recursive && (mount.flags & MS_RDONLY) != 0;
  return mount;
}

Result<Mount> ParseMount(std::string_view text, std::string_view cwd) {
  auto fields = SplitCsv(text);
  if (!fields) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': a quote is not closed", text);
  }
  std::string type = "volume";
  for (const std::string& field : *fields) {
    if (field.starts_with("type=")) type = field.substr(5);
  }
  if (type != "bind" && type != "tmpfs" && type != "volume") {
    return Fail(ErrorKind::kInvalidArgument,
                "--mount '{}': type={} is not supported; use type=bind, type=tmpfs or type=volume",
                text, type);
  }
  bool bind = type == "bind";
  bool volume = type == "volume";
  Mount mount =
      type == "tmpfs"
          ? TmpfsMount()
          : Mount{.kind = MountKind::kBind, .recursive_readonly = true, .from_user = true};
  if (volume) mount.volume = core::VolumeUse{};
  std::vector<std::string> options;
  for (const std::string& field : *fields) {
    Cut cut = CutAt(field, '=');
    std::string_view key = cut.before;
    std::string_view value = cut.after.value_or("");
    if (key == "type") continue;
    if (bind && (key == "src" || key == "source")) {
      TRY(SetSource("--mount", text, value, cwd, mount));
    } else if (volume && (key == "src" || key == "source")) {
      if (!value.empty()) TRY(CheckVolumeName("--mount", text, value));
      mount.volume->name = value;
    } else if (volume && key == "volume-opt") {
      options.emplace_back(value);
    } else if (key == "dst" || key == "destination" || key == "target") {
      TRY(SetTarget("--mount", text, value, mount));
    } else if (key == "ro" || key == "readonly" || key == "rw") {
      auto on = ParseSwitch(cut.after);
      if (!on) {
        return Fail(ErrorKind::kInvalidArgument, "--mount '{}': {} is true or false", text, key);
      }
      ApplyFlagWord((key == "rw") == *on ? "rw" : "ro", mount);
    } else if (key == "consistency") {
      // How far a virtual machine's view may lag behind, which on Linux it never does.
      constexpr std::string_view kWords[] = {"default", "consistent", "cached", "delegated"};
      if (std::ranges::find(kWords, value) == std::end(kWords)) {
        return Fail(ErrorKind::kInvalidArgument,
                    "--mount '{}': consistency is one of default, consistent, cached, delegated",
                    text);
      }
    } else {
      bool known = false;
      if (bind) {
        TRY(known, ApplyBindField(text, key, cut.after, mount));
      } else if (volume) {
        TRY(known, ApplyVolumeField(text, key, cut.after, *mount.volume));
      } else {
        TRY(known, ApplyTmpfsField(key, value, mount));
      }
      if (!known) {
        return Fail(ErrorKind::kInvalidArgument, "--mount '{}': unknown option '{}' for type={}",
                    text, key, type);
      }
    }
  }
  if (mount.target.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': dst= is missing", text);
  }
  if (volume) {
    mount.volume->anonymous = mount.volume->name.empty();
    TRY(mount.volume->options,
        ParseVolumeOptions(fmt::format("--mount '{}': volume-opt", text), options));
  } else if (mount.source.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': src= is missing", text);
  }
  mount.recursive_readonly =
      mount.recursive_readonly && mount.recursive && (mount.flags & MS_RDONLY) != 0;
  return mount;
}

Result<VolumesFrom> ParseVolumesFrom(std::string_view text) {
  Cut cut = CutAt(text, ':');
  VolumesFrom from{.container = std::string(cut.before)};
  if (from.container.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--volumes-from '{}': the container is missing", text);
  }
  for (std::string_view word : Split(cut.after.value_or(""), ',')) {
    if (word == "ro") {
      from.read_only = true;
    } else if (word == "nocopy") {
      from.no_copy = true;
    } else if (word != "rw" && word != "z") {
      return Fail(ErrorKind::kInvalidArgument, "--volumes-from '{}': unknown option '{}'", text,
                  word);
    }
  }
  return from;
}

Result<core::StringPairs> ParseVolumeOptions(std::string_view flag,
                                             const std::vector<std::string>& texts) {
  std::map<std::string, std::string> options;
  for (const std::string& text : texts) {
    TRY(auto option, ParseKeyValue(flag, text));
    options[option.first] = option.second;
  }
  core::StringPairs pairs(options.begin(), options.end());
  Mount probe;
  TRY_CONTEXT(core::ApplyVolumeOptions(pairs, "/", probe), "{}", flag);
  return pairs;
}

core::RootDirectory RootDirectoryOf(std::string_view text) {
  bool overlay = text.ends_with(":O");
  if (overlay) text.remove_suffix(2);
  return {.path = std::string(text), .overlay = overlay};
}

Result<Mount> ParseTmpfs(std::string_view text) {
  Cut cut = CutAt(text, ':');
  Mount mount = TmpfsMount();
  TRY(SetTarget("--tmpfs", text, cut.before, mount));
  for (std::string_view word : Split(cut.after.value_or(""), ',')) {
    if (ApplyFlagWord(word, mount) || ApplyPropagation(word, mount)) continue;
    Cut option = CutAt(word, '=');
    std::string_view value = option.after.value_or("");
    bool is_number = ParseInteger<uint32_t>(value).has_value();
    if (option.before == "size") {
      TRY(std::string size, TmpfsSize("--tmpfs size", value));
      AddData(mount, size);
    } else if ((option.before == "mode" && IsOctal(value)) ||
               ((option.before == "uid" || option.before == "gid" || option.before == "nr_inodes" ||
                 option.before == "nr_blocks") &&
                is_number)) {
      AddData(mount, word);
    } else {
      return Fail(ErrorKind::kInvalidArgument, "--tmpfs '{}': unknown option '{}'", text, word);
    }
  }
  return mount;
}

}  // namespace hoy::cli
