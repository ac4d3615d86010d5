#include "core/state/volume.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/fail_point.h"
#include "core/base/text.h"
#include "core/state/abandoned.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/state/event_log.h"
#include "core/state/name_generator.h"
#include "core/state/s3_volume.h"
#include "core/sys/project_quota.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr size_t kMaxName = 255;  // NAME_MAX

struct FlagWord {
  std::string_view word;
  uint64_t set;
  uint64_t clear;
};
constexpr FlagWord kFlagWords[] = {
    {"ro", MS_RDONLY, 0},   {"rw", 0, MS_RDONLY},     {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC}, {"nosuid", MS_NOSUID, 0}, {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0}, {"dev", 0, MS_NODEV},     {"noatime", MS_NOATIME, 0},
};

// A name beside the volumes that is nobody else's.
std::string Beside(const Layout& layout, std::string_view prefix) {
  constexpr size_t kRandomDigits = 32;
  return fmt::format("{}/{}{}", VolumesDirectory(layout), prefix,
                     RandomContainerId().substr(0, kRandomDigits));
}

std::string Encode(const VolumeRecord& record) {
  Json json = {{"version", kVersion},
               {"name", record.name},
               {"created", record.created},
               {"labels", record.labels},
               {"options", record.options}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Error NoSuchVolume(std::string_view name) {
  Error error = MakeError(ErrorKind::kNotFound, fmt::format("no such volume: {}", name));
  error.subject = name;
  return error;
}

// "o" of a volume that is no mount: "size=10g". 0: it has other options, or none.
Result<int64_t> SizeLimit(const StringPairs& options) {
  constexpr std::string_view kKey = "size=";
  if (options.size() != 1 || options[0].first != "o") return 0;
  std::string_view words = options[0].second;
  if (!words.starts_with(kKey) || words.find(',') != std::string_view::npos) return 0;
  auto size = ParseByteSize(words.substr(kKey.size()));
  if (size && *size > 0) return *size;
  return Fail(ErrorKind::kInvalidArgument, "volume option o='{}': not a size like 10g", words);
}

Result<> Fill(const std::string& directory, const VolumeRecord& record, Durability durability) {
  TRY(int64_t limit, SizeLimit(record.options));
  if (limit > 0) {
    TRY_CONTEXT(LimitTrees({&directory, 1}, record.name, limit), "limit volume '{}'", record.name);
  }
  // Who fills a bucket decides about modes: no program of his is to be run from the host.
  if (IsS3Volume(record.options) && chmod(directory.c_str(), 0700) != 0) {
    return FailErrno("chmod", directory);
  }
  TRY(MakeDirectory(directory + "/_data", 0755));
  std::string path = directory + "/volume.json";
  TRY(Fd file, OpenAt(kCwd, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(WriteAll(file, Encode(record), path));
  if (durability == Durability::kVolatile) return {};
  if (fsync(file.get()) != 0) return FailErrno("sync", path);
  return SyncDirectory(directory);
}

void RecordVolumeEvent(const Layout& layout, std::string_view name, std::string_view action) {
  RecordEvent(layout, {.type = "volume",
                       .action = std::string(action),
                       .id = std::string(name),
                       .attributes = {{"driver", "local"}}});
}

// The words of "o": flags of the mount; what is left are options of the file system.
std::string TakeFlags(std::string_view words, Mount& mount) {
  std::string rest;
  for (std::string_view word : Split(words, ',')) {
    const auto* flag = std::ranges::find(kFlagWords, word, &FlagWord::word);
    if (flag != std::end(kFlagWords)) {
      mount.flags = (mount.flags | flag->set) & ~flag->clear;
    } else if (!word.empty()) {
      rest.append(rest.empty() ? "" : ",").append(word);
    }
  }
  return rest;
}

Result<> ApplyBind(std::string_view device, std::string_view words, Mount& mount) {
  if (!device.starts_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "volume option device='{}': not an absolute path",
                device);
  }
  mount.source = device;
  bool read_only = (mount.flags & MS_RDONLY) != 0;
  std::string rest = TakeFlags(words, mount);
  if (read_only) mount.flags |= MS_RDONLY;
  mount.recursive = false;
  for (std::string_view word : Split(rest, ',')) {
    if (word == "rbind") {
      mount.recursive = true;
    } else if (word != "bind") {
      return Fail(ErrorKind::kInvalidArgument, "volume option o='{}': unknown word '{}'",
                  WithoutS3Secrets(words), CutAt(word, '=').before);
    }
  }
  mount.recursive_readonly = mount.recursive && (mount.flags & MS_RDONLY) != 0;
  return {};
}

// A file system of a device or a server: what is no flag of any mount is its own to understand.
Result<> ApplyDevice(const std::string& type, std::string_view device, std::string_view words,
                     Mount& mount) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  // Of the kernel's own a container gets only what hoy gives it.
  constexpr std::string_view kKernels[] = {"none",   "proc",    "sysfs",   "devtmpfs",   "debugfs",
                                           "cgroup", "tracefs", "cgroup2", "securityfs", "bpf"};
  bool named = !type.empty() && !type.starts_with("fuse") &&
               type.find_first_not_of(kLetters) == std::string::npos &&
               std::ranges::find(kKernels, type) == std::end(kKernels);
  if (!named || device.empty()) {
    return Fail(
        MakeError(ErrorKind::kUnsupported,
                  fmt::format("volume options type='{}', device='{}', o='{}': not supported", type,
                              device, WithoutS3Secrets(words)))
            .WithHint("hoy mounts type=tmpfs, type=s3, directories (type=none, o=bind, "
                      "device=/PATH), and file systems (type=ext4, device=/dev/NAME; "
                      "type=nfs, device=SERVER:/PATH); o=size=SIZE limits a volume"));
  }
  mount.kind = MountKind::kFilesystem;
  mount.filesystem = type;
  mount.source = device;
  bool read_only = (mount.flags & MS_RDONLY) != 0;
  mount.data = TakeFlags(words, mount);
  // One that is asked for here is so for all: a device that cannot be written is not tried.
  bool all_read_only = !read_only && (mount.flags & MS_RDONLY) != 0;
  if (all_read_only) mount.data += mount.data.empty() ? "ro" : ",ro";
  if (read_only) mount.flags |= MS_RDONLY;
  return {};
}

// Before the volume's lock, as syncs do it. kConflict: one is at work, and it is only tried.
enum class Patience { kWaits, kTries };
Result<Fd> HoldOffSyncs(const Layout& layout, std::string_view name, Patience patience) {
  std::string path = S3Directory(layout, name) + "/lock";
  auto file = OpenAt(kCwd, path, O_RDWR);
  if (!file && file.error().system_errno == ENOENT) return Fd();
  if (!file) return file;
  if (patience == Patience::kWaits) {
    TRY(LockFile(*file, LockMode::kExclusive, path));
    return file;
  }
  TRY(bool locked, TryLockFile(*file, LockMode::kExclusive));
  if (!locked) return Fail(ErrorKind::kConflict, "volume '{}' is being synced", name);
  return file;
}

void AddUser(const Layout& layout, const std::string& id, VolumeUsers& users) {
  auto record = ReadContainer(layout, id);
  if (!record) {
    if (Exists(layout.Container(id))) users.unreadable.push_back(id);
    return;
  }
  for (const Mount& mount : record->config.mounts) {
    if (!mount.volume) continue;
    std::vector<VolumeUser>& all = users.by_volume[mount.volume->name];
    if (all.empty() || all.back().id != id) all.push_back({id, record->name});
  }
}

}  // namespace

std::string VolumesDirectory(const Layout& layout) {
  return layout.data + "/volumes";
}

std::string VolumeDirectory(const Layout& layout, std::string_view name) {
  return fmt::format("{}/{}", VolumesDirectory(layout), name);
}

std::string VolumeData(const Layout& layout, std::string_view name) {
  return VolumeDirectory(layout, name) + "/_data";
}

bool VolumeRecord::IsAnonymous() const {
  return std::ranges::any_of(labels,
                             [](const auto& label) { return label.first == kAnonymousLabel; });
}

bool IsValidVolumeName(std::string_view name) {
  return name.size() <= kMaxName && IsValidContainerName(name);
}

Result<> ApplyVolumeOptions(const StringPairs& options, const std::string& data, Mount& mount) {
  std::string type;
  std::string words;
  std::string device;
  for (const auto& [key, value] : options) {
    std::string* known = key == "type"     ? &type
                         : key == "o"      ? &words
                         : key == "device" ? &device
                                           : nullptr;
    if (known == nullptr) {
      return Fail(MakeError(ErrorKind::kInvalidArgument,
                            fmt::format("volume option '{}': no such option", key))
                      .WithHint("the driver 'local' has type, o and device"));
    }
    *known = value;
  }
  mount.kind = MountKind::kBind;
  if (type == "s3") {
    TRY(S3Options place, ParseS3Options(options));
    mount.source = data;
    if (!place.fuse) return {};
    mount.kind = MountKind::kFilesystem;
    mount.filesystem = kS3fs;
    mount.source = place.Url();
    return {};
  }
  TRY(int64_t limit, SizeLimit(options));
  if (limit > 0 || (type.empty() && words.empty() && device.empty())) {
    mount.source = data;
    return {};
  }
  if (type == "tmpfs") {
    mount.kind = MountKind::kTmpfs;
    mount.source = "tmpfs";
    bool read_only = (mount.flags & MS_RDONLY) != 0;
    mount.data = TakeFlags(words, mount);
    if (read_only) mount.flags |= MS_RDONLY;
    return {};
  }
  auto is_word = [&](std::string_view wanted) {
    auto all = Split(words, ',');
    return std::ranges::find(all, wanted) != all.end();
  };
  bool binds = is_word("bind") || is_word("rbind") || type == "bind";
  if (binds && (type.empty() || type == "none" || type == "bind")) {
    return ApplyBind(device, words, mount);
  }
  return ApplyDevice(type, device, words, mount);
}

Result<bool> CreateVolume(const Layout& layout, const VolumeRecord& record, Durability durability) {
  if (!IsValidVolumeName(record.name)) {
    return Fail(ErrorKind::kInvalidArgument,
                "invalid volume name '{}': names have 2 to 255 characters, "
                "[a-zA-Z0-9][a-zA-Z0-9_.-]+",
                record.name);
  }
  if (Exists(VolumeDirectory(layout, record.name))) return false;
  // What a container may have put there, set-id programs, is not for the host's other users.
  std::string all = VolumesDirectory(layout);
  if (!Exists(all)) {
    TRY(MakeDirectories(all, 0700));
    TRY(SyncDirectory(layout.data));
  } else if (chmod(all.c_str(), 0700) != 0) {
    return FailErrno("change mode", all);
  }
  std::string temp = Beside(layout, kNewPrefix);
  TRY(Fd directory, MakeLockedDirectory(temp, 0700));
  auto filled = Fill(temp, record, durability);
  if (!filled) {
    LiftLimit(temp);
    (void)RemoveTree(temp);
    return Fail(std::move(filled).error());
  }
  FailPoint("volume-written");
  if (rename(temp.c_str(), VolumeDirectory(layout, record.name).c_str()) != 0) {
    int error = errno;
    LiftLimit(temp);
    (void)RemoveTree(temp);
    if (error == EEXIST || error == ENOTEMPTY) return false;
    return FailErrno("publish volume", record.name, error);
  }
  RecordVolumeEvent(layout, record.name, "create");
  if (!record.secrets.empty()) TRY(WriteS3Secrets(layout, record.name, record.secrets));
  if (durability == Durability::kDurable) TRY(SyncDirectory(VolumesDirectory(layout)));
  return true;
}

Result<VolumeRecord> ReadVolume(const Layout& layout, std::string_view name) {
  if (!IsValidVolumeName(name)) return Fail(NoSuchVolume(name));
  auto text = ReadFile(VolumeDirectory(layout, name) + "/volume.json");
  if (!text) {
    if (text.error().system_errno == ENOENT) return Fail(NoSuchVolume(name));
    return Fail(std::move(text).error());
  }
  try {
    Json json = Json::parse(*text);
    if (json.at("version").get<int>() > kVersion) {
      return Fail(ErrorKind::kUnsupported, "volume '{}': written by a newer hoy", name);
    }
    VolumeRecord record;
    record.name = name;
    record.created = json.value("created", Timestamp{0});
    record.labels = json.value("labels", StringPairs{});
    record.options = json.value("options", StringPairs{});
    return record;
  } catch (const Json::exception&) {
    return Fail(ErrorKind::kCorrupt, "volume '{}': its volume.json is damaged", name);
  }
}

Result<std::vector<std::string>> ListVolumes(const Layout& layout) {
  TRY(std::vector<std::string> names, ListDirectory(VolumesDirectory(layout)));
  std::erase_if(names, [](const std::string& name) { return !IsValidVolumeName(name); });
  return names;
}

Result<VolumeLock> VolumeLock::Acquire(const Layout& layout, std::string_view name, LockMode mode) {
  if (!IsValidVolumeName(name)) return Fail(NoSuchVolume(name));
  std::string path = VolumeDirectory(layout, name);
  auto directory = OpenDirectory(path);
  if (!directory && directory.error().system_errno == ENOENT) return Fail(NoSuchVolume(name));
  if (!directory) return Fail(std::move(directory).error());
  TRY(LockFile(*directory, mode, path));
  if (!LeadsTo(path, *directory)) return Fail(NoSuchVolume(name));
  return VolumeLock(*std::move(directory));
}

Result<> VolumeLock::CheckData() const {
  struct stat status{};
  if (fstatat(directory_.get(), "_data", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(status.st_mode)) {
    return {};
  }
  return Fail(ErrorKind::kCorrupt, "it is damaged: its _data is not a directory");
}

Result<VolumeUsers> FindVolumeUsers(const Layout& layout) {
  VolumeUsers users;
  TRY(std::vector<std::string> ids, ListContainerIds(layout));
  for (const std::string& id : ids) AddUser(layout, id, users);
  return users;
}

Result<VolumeUsers> FindUsersOfVolume(const Layout& layout, std::string_view name) {
  VolumeUsers users;
  std::string quoted = fmt::format("\"{}\"", name);
  TRY(std::vector<std::string> ids, ListContainerIds(layout));
  for (const std::string& id : ids) {
    auto mentioned = RecordContains(layout, id, quoted);
    if (!mentioned || *mentioned) AddUser(layout, id, users);
  }
  return users;
}

namespace {

Result<> Remove(const Layout& layout, std::string_view name, PendingChanges pending,
                Patience patience) {
  if (!IsValidVolumeName(name)) return Fail(NoSuchVolume(name));
  TRY(Fd no_sync, HoldOffSyncs(layout, name, patience));
  TRY(VolumeLock lock, VolumeLock::Acquire(layout, name, LockMode::kExclusive));
  TRY(VolumeUsers users, FindUsersOfVolume(layout, name));
  if (auto found = users.by_volume.find(name); found != users.by_volume.end()) {
    std::string names;
    for (const VolumeUser& user : found->second) {
      names += fmt::format("{}'{}' ({})", names.empty() ? "" : ", ", user.name, ShortId(user.id));
    }
    bool many = found->second.size() > 1;
    return Fail(
        MakeError(ErrorKind::kConflict, fmt::format("volume '{}' is in use by container{} {}", name,
                                                    many ? "s" : "", names))
            .WithHint(fmt::format("hoy rm {}", found->second.front().name)));
  }
  if (!users.unreadable.empty()) {
    return Fail(MakeError(ErrorKind::kConflict,
                          fmt::format("volume '{}' may be in use by container {}, whose record "
                                      "cannot be read",
                                      name, ShortId(users.unreadable.front())))
                    .WithHint(fmt::format("hoy rm -f {}", ShortId(users.unreadable.front()))));
  }
  if (pending == PendingChanges::kKeep && Exists(S3PendingPath(layout, name))) {
    return Fail(MakeError(ErrorKind::kConflict,
                          fmt::format("volume '{}' may have changes that are not in S3 yet", name))
                    .WithHint(fmt::format("hoy volume sync {}, or hoy volume rm --discard {}", name,
                                          name)));
  }
  std::string gone = Beside(layout, kGonePrefix);
  if (rename(VolumeDirectory(layout, name).c_str(), gone.c_str()) != 0) {
    return FailErrno("remove volume", name);
  }
  (void)Unlink(S3EnvironmentPath(layout, name));
  RecordVolumeEvent(layout, name, "destroy");
  FailPoint("volume-renamed");
  TRY(SyncDirectory(VolumesDirectory(layout)));
  LiftLimit(gone);
  return RemoveTree(gone);
}

}  // namespace

Result<> RemoveVolume(const Layout& layout, std::string_view name, PendingChanges pending) {
  return Remove(layout, name, pending, Patience::kWaits);
}

void RemoveAnonymousVolumes(const Layout& layout, const ContainerConfig& config) {
  for (const Mount& mount : config.mounts) {
    if (mount.volume && mount.volume->anonymous && !mount.volume->name.empty()) {
      // Our caller may hold a container's lock for which a sync of the volume waits.
      (void)Remove(layout, mount.volume->name, PendingChanges::kKeep, Patience::kTries);
    }
  }
}

void RemoveAbandonedVolumes(const Layout& layout) {
  RemoveAbandonedIn(VolumesDirectory(layout));
}

}  // namespace hoy::core
