#include "cli/ops/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "cli/ops/mount_fields.h"
#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "core/state/s3_volume.h"
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

bool ApplyFlagWord(std::string_view word, Mount& mount) {
  for (const FlagWord& flag : kFlagWords) {
    if (flag.word == word) {
      mount.flags = (mount.flags | flag.set) & ~flag.clear;
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
  return Fail(
      MakeError(ErrorKind::kInvalidArgument,
                fmt::format("{} '{}': '{}' is not the name of a volume: names have 2 to 255 "
                            "characters, [a-zA-Z0-9][a-zA-Z0-9_.-]+",
                            flag, text, name))
          .WithHint(flag == "--mount" ? "a file or directory of the host is mounted with type=bind"
                                      : fmt::format("for a directory, give a path: ./{}", name)));
}

// Asked for and not there yet.
Error NotThere(std::string_view flag, std::string_view text, std::string_view what) {
  return MakeError(ErrorKind::kUnsupported, fmt::format("{} '{}': {}", flag, text, what));
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
  if (word == "U") {
    mount.owned = true;
    return {};
  }
  if (word == "O") {
    mount.overlay = true;
    return {};
  }
  if (word == "idmap" || word.starts_with("idmap=") || word.starts_with("upperdir=") ||
      word.starts_with("workdir=")) {
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
    mount.create_source = true;
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
  if (mount.overlay && (mount.owned || (mount.propagation & (MS_SHARED | MS_SLAVE)) != 0)) {
    return Fail(ErrorKind::kInvalidArgument, "-v '{}': with O there is neither U nor propagation",
                text);
  }
  // What is thrown away lies over what is there.
  if (mount.overlay) mount.create_source = false;
  mount.recursive_readonly = mount.recursive && (mount.flags & MS_RDONLY) != 0;
  return mount;
}

bool ApplyMountWord(std::string_view word, Mount& mount) {
  return ApplyFlagWord(word, mount) || ApplyPropagation(word, mount);
}

bool IsGlob(std::string_view text) {
  auto fields = SplitCsv(text);
  return fields && std::ranges::find(*fields, "type=glob") != fields->end();
}

Result<Mount> ParseMount(std::string_view text, std::string_view cwd) {
  auto fields = SplitCsv(text);
  std::string shown = core::WithoutS3Secrets(text);
  if (!fields) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': a quote is not closed", shown);
  }
  std::string type = "volume";
  for (const std::string& field : *fields) {
    if (field.starts_with("type=")) type = field.substr(5);
  }
  TRY(MountFields parsed, MountFields::OfType(shown, type));
  Mount& mount = parsed.mount();
  for (const std::string& field : *fields) {
    Cut cut = CutAt(field, '=');
    std::string_view key = cut.before;
    std::string_view value = cut.after.value_or("");
    if (key == "type") continue;
    if ((type == "bind" || type == "glob") && (key == "src" || key == "source")) {
      TRY(SetSource("--mount", shown, value, cwd, mount));
    } else if ((type == "volume" || type == "s3") && (key == "src" || key == "source")) {
      if (!value.empty()) TRY(CheckVolumeName("--mount", shown, value));
      mount.volume->name = value;
    } else if (type == "image" && (key == "src" || key == "source")) {
      mount.image->reference = value;
    } else if (key == "dst" || key == "destination" || key == "target") {
      if (type == "glob" && value == "/") {
        mount.target = "/";
      } else {
        TRY(SetTarget("--mount", shown, value, mount));
      }
    } else {
      TRY(parsed.Apply(key, cut.after));
    }
  }
  return std::move(parsed).Finish();
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

Result<VolumeOptions> ParseVolumeOptions(std::string_view flag,
                                         const std::vector<std::string>& texts) {
  std::map<std::string, std::string> options;
  for (const std::string& text : texts) {
    TRY(auto option, ParseKeyValue(flag, text));
    options[option.first] = option.second;
  }
  VolumeOptions parsed{.pairs = {options.begin(), options.end()}, .secrets = {}};
  if (core::IsS3Volume(parsed.pairs)) {
    // What belongs into `o` may stand by itself as well.
    std::string words = options["o"];
    for (const auto& [name, value] : options) {
      if (name == "o" || name == "type") continue;
      if (value.find(',') != std::string::npos) {
        return Fail(ErrorKind::kInvalidArgument, "{}: {} has a comma in it", flag, name);
      }
      words += fmt::format("{}{}={}", words.empty() ? "" : ",", name, value);
    }
    std::erase_if(options, [](const auto& option) { return option.first != "type"; });
    TRY_CONTEXT_SET(core::StringPairs s3, core::TakeS3Words(words, parsed.secrets), "{}", flag);
    options.insert(s3.begin(), s3.end());
    parsed.pairs.assign(options.begin(), options.end());
  }
  Mount probe;
  TRY_CONTEXT(core::ApplyVolumeOptions(parsed.pairs, "/", probe), "{}", flag);
  return parsed;
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
