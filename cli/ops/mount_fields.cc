#include "cli/ops/mount_fields.h"

#include <sys/mount.h>

#include <algorithm>

#include "cli/ops/mount_options.h"
#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "core/state/s3_volume.h"
#include "core/state/volume.h"

namespace hoy::cli {
namespace {

using core::Mount;
using core::MountKind;

struct PropagationWord {
  std::string_view word;
  uint64_t value;
};
constexpr PropagationWord kPropagationWords[] = {
    {"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC},
    {"slave", MS_SLAVE},     {"rslave", MS_SLAVE | MS_REC},
    {"shared", MS_SHARED},   {"rshared", MS_SHARED | MS_REC},
};

constexpr std::string_view kTypes[] = {"bind", "devpts", "glob", "image", "s3", "tmpfs", "volume"};

}  // namespace

bool ApplyPropagation(std::string_view word, Mount& mount) {
  for (const PropagationWord& propagation : kPropagationWords) {
    if (propagation.word == word) {
      mount.propagation = propagation.value;
      return true;
    }
  }
  return false;
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

Result<MountFields> MountFields::OfType(std::string_view text, std::string_view type) {
  if (std::ranges::find(kTypes, type) == std::end(kTypes)) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("--mount '{}': type={} is not supported", text, type))
                    .WithHint("the types are bind, devpts, glob, image, s3, tmpfs and volume"));
  }
  MountFields fields(text, type);
  Mount& mount = fields.mount_;
  if (type == "tmpfs") {
    mount = TmpfsMount();
    return fields;
  }
  mount.from_user = true;
  if (type == "devpts") {
    mount.kind = MountKind::kDevpts;
    mount.source = "devpts";
    mount.flags = MS_NOSUID | MS_NOEXEC;
    mount.data = "newinstance,ptmxmode=0666";
    return fields;
  }
  mount.kind = MountKind::kBind;
  mount.recursive_readonly = true;
  if (type == "volume" || type == "s3") mount.volume.emplace();
  if (type == "image") {
    mount.image.emplace();
    mount.flags = MS_RDONLY;
  }
  return fields;
}

Result<bool> MountFields::Switch(std::string_view key,
                                 const std::optional<std::string_view>& value) const {
  if (!value || *value == "true" || *value == "1") return true;
  if (*value == "false" || *value == "0") return false;
  return Fail(ErrorKind::kInvalidArgument, "--mount '{}': {} is true or false", text_, key);
}

Result<std::string> MountFields::Subpath(std::string_view key,
                                         const std::optional<std::string_view>& value) const {
  auto parts = Split(value.value_or(""), '/');
  bool leaves = std::ranges::find(parts, "..") != parts.end();
  if (!value || value->empty() || value->starts_with('/') || leaves) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': {} is a relative path inside the {}",
                text_, key, type_);
  }
  return CleanPath(*value).substr(1);
}

Result<bool> MountFields::ApplyTmpfs(std::string_view key, std::string_view value) {
  if (key == "tmpfs-size") {
    TRY(std::string size, TmpfsSize("--mount tmpfs-size", value));
    AddData(mount_, size);
    return true;
  }
  if (key == "tmpfs-mode") {
    if (!IsOctal(value)) {
      return Fail(ErrorKind::kInvalidArgument, "--mount tmpfs-mode '{}': not an octal mode", value);
    }
    AddData(mount_, "mode=" + std::string(value));
    return true;
  }
  return false;
}

Result<bool> MountFields::ApplyDevpts(std::string_view key, std::string_view value) {
  bool number = key == "uid" || key == "gid" || key == "max";
  if (!number && key != "mode") return false;
  bool good = number ? ParseInteger<uint32_t>(value).has_value() : IsOctal(value);
  if (!good) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': {} is {} number", text_, key,
                number ? "a" : "an octal");
  }
  AddData(mount_, fmt::format("{}={}", key, value));
  return true;
}

Result<bool> MountFields::ApplyBind(std::string_view key,
                                    const std::optional<std::string_view>& value) {
  if (key == "bind-propagation") {
    if (ApplyPropagation(value.value_or(""), mount_)) return true;
    return Fail(ErrorKind::kInvalidArgument,
                "--mount '{}': bind-propagation is one of private, rprivate, slave, rslave, "
                "shared, rshared",
                text_);
  }
  if (key == "bind-nonrecursive") {
    TRY(bool on, Switch(key, value));
    mount_.recursive = !on;
    return true;
  }
  if (key == "bind-create-src" && type_ == "bind") {
    TRY(mount_.create_source, Switch(key, value));
    return true;
  }
  if (key != "bind-recursive") return ApplyOwn(key, value);
  if (value == "enabled" || value == "writable" || value == "readonly") {
    mount_.recursive = true;
    mount_.recursive_readonly = value != "writable";
  } else if (value == "disabled") {
    mount_.recursive = false;
  } else {
    return Fail(ErrorKind::kInvalidArgument,
                "--mount '{}': bind-recursive is one of enabled, disabled, writable, readonly",
                text_);
  }
  return true;
}

Result<bool> MountFields::ApplyOwn(std::string_view key,
                                   const std::optional<std::string_view>& value) {
  if (key != "U" && key != "chown") return false;
  TRY(mount_.owned, Switch(key, value));
  return true;
}

Result<bool> MountFields::ApplyVolume(std::string_view key,
                                      const std::optional<std::string_view>& value) {
  core::VolumeUse& volume = *mount_.volume;
  if (key == "volume-nocopy") {
    TRY(volume.no_copy, Switch(key, value));
    return true;
  }
  if (key == "volume-label") {
    TRY(auto label, ParseKeyValue(fmt::format("--mount '{}': {}", text_, key), value.value_or("")));
    volume.labels.push_back(std::move(label));
    return true;
  }
  if (key == "volume-opt") {
    volume_options_.emplace_back(value.value_or(""));
    return true;
  }
  if (key == "volume-subpath" || key == "subpath") {
    TRY(volume.subpath, Subpath(key, value));
    return true;
  }
  if (key != "volume-driver") return ApplyOwn(key, value);
  if (value == "local") return true;
  return Fail(ErrorKind::kInvalidArgument, "--mount '{}': the only volume-driver is local", text_);
}

Result<bool> MountFields::ApplyImage(std::string_view key,
                                     const std::optional<std::string_view>& value) {
  if (key != "image-subpath" && key != "subpath") return false;
  TRY(mount_.image->subpath, Subpath(key, value));
  return true;
}

// The words of a volume's --opt o=, each as a field of its own, and what is only of this mount.
Result<bool> MountFields::ApplyS3(std::string_view key,
                                  const std::optional<std::string_view>& value) {
  if (key == "sync-interval") {
    TRY(mount_.volume->sync_interval_ns,
        core::ParseSyncInterval("--mount type=s3: sync-interval", value.value_or("")));
    return true;
  }
  if (value && value->find(',') != std::string_view::npos) {
    return Fail(ErrorKind::kInvalidArgument, "--mount type=s3: {} has a comma in it", key);
  }
  s3_words_ += fmt::format("{}{}={}", s3_words_.empty() ? "" : ",", key, value.value_or(""));
  return true;
}

Result<> MountFields::Apply(std::string_view key, const std::optional<std::string_view>& value) {
  bool positive = key == "rw" || key == "readwrite";
  if (positive || key == "ro" || key == "readonly") {
    TRY(bool on, Switch(key, value));
    bool writable = positive == on;
    mount_.flags = writable ? mount_.flags & ~uint64_t{MS_RDONLY} : mount_.flags | MS_RDONLY;
    return {};
  }
  if (key == "consistency") {
    // How far a virtual machine's view may lag behind, which on Linux it never does.
    constexpr std::string_view kWords[] = {"default", "consistent", "cached", "delegated"};
    if (std::ranges::find(kWords, value.value_or("")) != std::end(kWords)) return {};
    return Fail(ErrorKind::kInvalidArgument,
                "--mount '{}': consistency is one of default, consistent, cached, delegated",
                text_);
  }
  bool known = false;
  if (type_ == "tmpfs") {
    TRY(known, ApplyTmpfs(key, value.value_or("")));
  } else if (type_ == "devpts") {
    TRY(known, ApplyDevpts(key, value.value_or("")));
  } else if (type_ == "volume") {
    TRY(known, ApplyVolume(key, value));
  } else if (type_ == "s3") {
    TRY(known, ApplyS3(key, value));
  } else if (type_ == "image") {
    TRY(known, ApplyImage(key, value));
  } else {
    TRY(known, ApplyBind(key, value));
  }
  if (known) return {};
  return Fail(ErrorKind::kInvalidArgument, "--mount '{}': unknown option '{}' for type={}", text_,
              key, type_);
}

Result<> MountFields::FinishVolume() {
  core::VolumeUse& volume = *mount_.volume;
  if (type_ != "s3") {
    volume.anonymous = volume.name.empty();
    TRY(VolumeOptions options,
        ParseVolumeOptions(fmt::format("--mount '{}': volume-opt", text_), volume_options_));
    volume.options = std::move(options.pairs);
    volume.secrets = std::move(options.secrets);
    return {};
  }
  // The text is not in the errors: there may be a key in it.
  TRY_CONTEXT_SET(volume.options, core::TakeS3Words(s3_words_, volume.secrets), "--mount type=s3");
  TRY(core::S3Options place, core::ParseS3Options(volume.options));
  if (!volume.name.empty()) return {};
  // It stays, as what saves the next container a download, until `volume prune`.
  volume.name = core::S3VolumeName(place);
  volume.labels.emplace_back(core::kAnonymousLabel, "");
  return {};
}

Result<Mount> MountFields::Finish() && {
  if (mount_.target.empty() && type_ != "glob") {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': dst= is missing", text_);
  }
  if (mount_.volume) {
    TRY(FinishVolume());
  } else if (mount_.image ? mount_.image->reference.empty() : mount_.source.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--mount '{}': src= is missing", text_);
  }
  bool read_only = (mount_.flags & MS_RDONLY) != 0;
  mount_.overlay = mount_.image && !read_only;
  mount_.recursive_readonly = mount_.recursive_readonly && mount_.recursive && read_only;
  return std::move(mount_);
}

}  // namespace hoy::cli
