#include "cli/ops/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "cli/ops/option_values.h"
#include "core/base/text.h"

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

Result<> SetSource(std::string_view flag, std::string_view text, std::string_view source,
                   std::string_view cwd, Mount& mount) {
  if (source.starts_with('/')) {
    mount.source = CleanPath(source);
  } else if (source == "." || source == ".." || source.starts_with("./") ||
             source.starts_with("../")) {
    mount.source = CleanPath(std::string(cwd) + "/" + std::string(source));
  } else if (source.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': the path on the host is missing", flag,
                text);
  } else {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("{} '{}': '{}' is the name of a volume, and volumes are not "
                                      "supported",
                                      flag, text, source))
                    .WithHint(fmt::format("for a directory, give a path: ./{}", source)));
  }
  return {};
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
  if (fields.size() < 2) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("-v '{}': anonymous volumes are not supported", text))
                    .WithHint("give both paths, -v SOURCE:TARGET, or use --tmpfs TARGET"));
  }
  if (fields.size() > 3) {
    return Fail(ErrorKind::kInvalidArgument, "-v '{}': expected SOURCE:TARGET[:OPTIONS]", text);
  }
  Mount mount{.kind = MountKind::kBind, .from_user = true};
  TRY(SetSource("-v", text, fields[0], cwd, mount));
  TRY(SetTarget("-v", text, fields[1], mount));
  bool read_only = false;
  bool writable = false;
  for (std::string_view word : fields.size() == 3 ? Split(fields[2], ',') : Split("", ',')) {
    read_only |= word == "ro";
    writable |= word == "rw";
    constexpr std::string_view kNoEffect[] = {"z",          "Z",      "nocopy",   "rbind",
                                              "consistent", "cached", "delegated"};
    if (word == "bind") {
      mount.recursive = false;
    } else if (!ApplyFlagWord(word, mount) && !ApplyPropagation(word, mount) &&
               std::ranges::find(kNoEffect, word) == std::end(kNoEffect)) {
      return Fail(ErrorKind::kInvalidArgument, "-v '{}': unknown option '{}'", text, word);
    }
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
  std::string type;
  for (const std::string& field : *fields) {
    if (field.starts_with("type=")) type = field.substr(5);
  }
  if (type != "bind" && type != "tmpfs") {
    return Fail(ErrorKind::kInvalidArgument,
                "--mount '{}': type={} is not supported; use type=bind or type=tmpfs", text,
                type.empty() ? "volume, the default," : type);
  }
  bool bind = type == "bind";
  Mount mount = bind
                    ? Mount{.kind = MountKind::kBind, .recursive_readonly = true, .from_user = true}
                    : TmpfsMount();
  for (const std::string& field : *fields) {
    Cut cut = CutAt(field, '=');
    std::string_view key = cut.before;
    std::string_view value = cut.after.value_or("");
    if (key == "type") continue;
    if (bind && (key == "src" || key == "source")) {
      TRY(SetSource("--mount", text, value, cwd, mount));
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
  if (mount.source.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': src= is missing", text);
  }
  if (bind) {
    mount.recursive_readonly =
        mount.recursive_readonly && mount.recursive && (mount.flags & MS_RDONLY) != 0;
  }
  return mount;
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
