#include "core/state/container_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <nlohmann/json.hpp>

#include "core/base/fail_point.h"
#include "core/base/text.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kNewPrefix = ".new-";
constexpr std::string_view kGonePrefix = ".gone-";
constexpr size_t kRecordLimit = 64 << 20;

std::string RecordPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/record.json";
}

Json EncodeSummary(const ContainerSummary& summary) {
  return {{"version", 1},
          {"id", summary.id},
          {"name", summary.name},
          {"created", summary.created},
          {"image", summary.image},
          {"image_id", summary.image_id},
          {"command", summary.command},
          {"labels", summary.labels},
          {"auto_remove", summary.auto_remove}};
}

Result<ContainerSummary> DecodeSummary(std::string_view line, std::string_view id) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object())
    return Fail(ErrorKind::kCorrupt, "container '{}': its record.json is damaged", id);
  try {
    ContainerSummary summary;
    summary.id = json.value("id", "");
    summary.name = json.value("name", "");
    summary.created = json.value("created", Timestamp{0});
    summary.image = json.value("image", "");
    summary.image_id = json.value("image_id", "");
    summary.command = json.value("command", std::vector<std::string>{});
    summary.labels = json.value("labels", StringPairs{});
    summary.auto_remove = json.value("auto_remove", false);
    return summary;
  } catch (const Json::exception&) {
    return Fail(ErrorKind::kCorrupt, "container '{}': its record.json is damaged", id);
  }
}

std::string EncodeRecord(const ContainerRecord& record) {
  return EncodeSummary(record.Summary()).dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n" + EncodeContainerConfig(record.config) + "\n";
}

// Who a name belongs to, or "" when it is free. A name that leads to no container was left by a
// creator that died, unless that one still works on it: then its .new- directory is locked.
Result<std::string> OwnerOfName(const Layout& layout, std::string_view name) {
  std::array<char, 256> target{};
  std::string path = layout.Name(name);
  ssize_t length = readlink(path.c_str(), target.data(), target.size());
  if (length < 0) {
    if (errno == ENOENT || errno == EINVAL || errno == ENAMETOOLONG) return std::string();
    return FailErrno("read", path);
  }
  std::string id(target.data(), static_cast<size_t>(length));
  if (Exists(layout.Container(id))) return id;
  auto creating = OpenDirectory(layout.Containers() + "/" + std::string(kNewPrefix) + id);
  if (creating && !TryLockFile(*creating, LockMode::kExclusive).value_or(true)) return id;
  // The creator may have published between the two looks.
  if (Exists(layout.Container(id))) return id;
  TRY(Unlink(path));
  return std::string();
}

Result<> ReserveName(const Layout& layout, const ContainerRecord& record) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (symlink(record.id.c_str(), layout.Name(record.name).c_str()) == 0) return {};
    if (errno != EEXIST) return FailErrno("reserve name", record.name);
    TRY(std::string owner, OwnerOfName(layout, record.name));
    if (owner.empty()) continue;
    return Fail(
        MakeError(ErrorKind::kAlreadyExists, fmt::format("the name '{}' is in use by container {}",
                                                         record.name, ShortId(owner)))
            .WithHint(fmt::format("hoy rm {}, or choose another name", record.name)));
  }
  return Fail(ErrorKind::kConflict, "the name '{}' keeps changing hands", record.name);
}

Result<> FillDirectory(const std::string& directory, const ContainerRecord& record,
                       Durability durability) {
  // The upper directory's mode shows as the mode of the container's "/".
  TRY(MakeDirectory(directory + "/upper", 0755));
  TRY(MakeDirectory(directory + "/work", 0700));
  std::string path = directory + "/record.json";
  TRY(Fd fd, OpenAt(kCwd, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(WriteAll(fd, EncodeRecord(record), path));
  if (durability == Durability::kVolatile) return {};
  if (fsync(fd.get()) != 0) return FailErrno("sync", path);
  return SyncDirectory(directory);
}

Error NoSuchContainer(const Layout& layout, std::string_view wanted) {
  Error error = MakeError(ErrorKind::kNotFound, fmt::format("no such container: {}", wanted));
  error.subject = wanted;
  auto names = ListDirectory(layout.Names());
  size_t best = 3;  // more than two letters off is another name
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    size_t distance = EditDistance(name, wanted);
    if (distance >= best || distance >= wanted.size()) continue;
    best = distance;
    error.hint = fmt::format("did you mean '{}'?", name);
  }
  return error;
}

}  // namespace

ContainerSummary ContainerRecord::Summary() const {
  ContainerSummary summary;
  summary.id = id;
  summary.name = name;
  summary.created = created;
  summary.image = config.image.reference;
  summary.image_id = config.image.id;
  summary.command = config.process.args;
  summary.labels = config.labels;
  summary.auto_remove = config.auto_remove;
  return summary;
}

Result<ContainerLock> ContainerLock::Acquire(const Layout& layout, std::string_view id) {
  std::string path = layout.Container(id);
  auto directory = OpenDirectory(path);
  if (!directory) {
    if (directory.error().system_errno == ENOENT) return Fail(NoSuchContainer(layout, id));
    return Fail(std::move(directory).error());
  }
  TRY(LockFile(*directory, LockMode::kExclusive, path));
  // Removed while we waited: then the path is gone, or leads to another directory.
  struct stat locked{};
  struct stat named{};
  if (fstat(directory->get(), &locked) != 0 || stat(path.c_str(), &named) != 0 ||
      locked.st_ino != named.st_ino) {
    return Fail(NoSuchContainer(layout, id));
  }
  return ContainerLock(*std::move(directory));
}

Result<> CreateContainer(const Layout& layout, const ContainerRecord& record) {
  Durability durability = record.config.auto_remove ? Durability::kVolatile : Durability::kDurable;
  std::string temp = layout.Containers() + "/" + std::string(kNewPrefix) + record.id;
  TRY(MakeDirectory(temp, 0711));
  auto undo = [&](Error error) {
    (void)RemoveTree(temp);
    return Fail(std::move(error));
  };
  auto directory = OpenDirectory(temp);
  if (!directory) return undo(std::move(directory).error());
  auto locked = TryLockFile(*directory, LockMode::kExclusive);
  if (!locked) return undo(std::move(locked).error());
  FailPoint("create-directory");
  auto filled = FillDirectory(temp, record, durability);
  if (!filled) return undo(std::move(filled).error());
  FailPoint("create-record");
  auto reserved = ReserveName(layout, record);
  if (!reserved) return undo(std::move(reserved).error());
  FailPoint("create-named");
  if (rename(temp.c_str(), layout.Container(record.id).c_str()) != 0) {
    Error error = SystemError("publish", layout.Container(record.id));
    (void)Unlink(layout.Name(record.name));
    return undo(std::move(error));
  }
  if (durability == Durability::kVolatile) return {};
  TRY(SyncDirectory(layout.Names()));
  return SyncDirectory(layout.Containers());
}

Result<ContainerRecord> ReadContainer(const Layout& layout, std::string_view id) {
  auto text = ReadFile(RecordPath(layout, id), kRecordLimit);
  if (!text) {
    if (text.error().system_errno == ENOENT) return Fail(NoSuchContainer(layout, id));
    return Fail(std::move(text).error());
  }
  auto [first, rest] = CutAt(*text, '\n');
  TRY(ContainerSummary summary, DecodeSummary(first, id));
  TRY_CONTEXT_SET(ContainerConfig config, DecodeContainerConfig(Trim(rest.value_or(""))),
                  "container '{}'", id);
  return ContainerRecord{std::move(summary.id), std::move(summary.name), summary.created,
                         std::move(config)};
}

Result<ContainerSummary> ReadSummary(const Layout& layout, std::string_view id) {
  TRY(std::string text, ReadFile(RecordPath(layout, id), kRecordLimit));
  return DecodeSummary(CutAt(text, '\n').before, id);
}

Result<std::vector<std::string>> ListContainerIds(const Layout& layout) {
  TRY(std::vector<std::string> ids, ListDirectory(layout.Containers()));
  std::erase_if(ids, [](const std::string& name) { return name.starts_with('.'); });
  return ids;
}

Result<std::string> FindContainer(const Layout& layout, std::string_view name_or_id) {
  if (name_or_id.empty() || name_or_id.find('/') != std::string_view::npos ||
      name_or_id.starts_with('.')) {
    return Fail(NoSuchContainer(layout, name_or_id));
  }
  TRY(std::string named, OwnerOfName(layout, name_or_id));
  if (!named.empty()) return named;
  if (!IsHex(name_or_id) || name_or_id.size() > kIdLength) {
    return Fail(NoSuchContainer(layout, name_or_id));
  }
  if (name_or_id.size() == kIdLength) {
    if (Exists(layout.Container(name_or_id))) return std::string(name_or_id);
    return Fail(NoSuchContainer(layout, name_or_id));
  }
  TRY(std::vector<std::string> ids, ListContainerIds(layout));
  std::string found;
  for (const std::string& id : ids) {
    if (!id.starts_with(name_or_id)) continue;
    if (!found.empty()) {
      return Fail(ErrorKind::kConflict, "'{}' is the beginning of more than one container id",
                  name_or_id);
    }
    found = id;
  }
  if (found.empty()) return Fail(NoSuchContainer(layout, name_or_id));
  return found;
}

Result<> RemoveContainer(const Layout& layout, std::string_view id, std::string_view name) {
  std::string path = layout.Container(id);
  std::string gone = layout.Containers() + "/" + std::string(kGonePrefix) + std::string(id);
  if (!name.empty()) {
    TRY(std::string owner, OwnerOfName(layout, name));
    if (owner == id) TRY(Unlink(layout.Name(name)));
  } else if (auto names = ListDirectory(layout.Names())) {
    // A damaged record does not tell; the name does.
    for (const std::string& candidate : *names) {
      auto owner = OwnerOfName(layout, candidate);
      if (owner && *owner == id) TRY(Unlink(layout.Name(candidate)));
    }
  }
  FailPoint("remove-unnamed");
  if (rename(path.c_str(), gone.c_str()) != 0 && errno != ENOENT) return FailErrno("remove", path);
  FailPoint("remove-renamed");
  return RemoveTree(gone);
}

void RemoveAbandoned(const Layout& layout) {
  auto names = ListDirectory(layout.Containers());
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(kNewPrefix) && !name.starts_with(kGonePrefix)) continue;
    std::string path = layout.Containers() + "/" + name;
    auto directory = OpenDirectory(path);
    if (!directory || !TryLockFile(*directory, LockMode::kExclusive).value_or(false)) continue;
    (void)RemoveTree(path);
  }
}

}  // namespace hoy::core
