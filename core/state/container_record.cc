#include "core/state/container_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <nlohmann/json.hpp>
#include <span>

#include "core/base/fail_point.h"
#include "core/base/text.h"
#include "core/state/abandoned.h"
#include "core/state/container_id.h"
#include "core/state/container_names.h"
#include "core/state/event_log.h"
#include "core/state/json_fields.h"
#include "core/state/secrets.h"
#include "core/sys/files.h"
#include "core/sys/project_quota.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr size_t kRecordLimit = 64 << 20;

std::string RecordPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/record.json";
}

Json EncodeSummary(const ContainerSummary& summary) {
  Json json = {{"version", 1},
               {"id", summary.id},
               {"name", summary.name},
               {"created", summary.created},
               {"image", summary.image},
               {"image_id", summary.image_id},
               {"command", summary.command},
               {"labels", summary.labels},
               {"auto_remove", summary.auto_remove}};
  if (summary.restart.mode != RestartMode::kNo) {
    json["restart"] = ToString(summary.restart.mode);
    json["restart_max"] = summary.restart.max_retries;
  }
  if (summary.has_health_check) json["health_check"] = true;
  return json;
}

RestartPolicy DecodeRestart(JsonFields& json) {
  RestartPolicy policy;
  std::string name = json.Get("restart", std::string());
  for (RestartMode mode :
       {RestartMode::kOnFailure, RestartMode::kAlways, RestartMode::kUnlessStopped}) {
    if (name == ToString(mode)) policy.mode = mode;
  }
  json.Read("restart_max", policy.max_retries);
  return policy;
}

Result<ContainerSummary> DecodeSummary(std::string_view line, std::string_view id) {
  auto text = JsonText::Parse(line);
  JsonFields json(text ? text->root() : JsonView());
  ContainerSummary summary;
  json.Read("id", summary.id);
  json.Read("name", summary.name);
  json.Read("created", summary.created);
  json.Read("image", summary.image);
  json.Read("image_id", summary.image_id);
  json.Read("command", summary.command);
  json.Read("labels", summary.labels);
  json.Read("auto_remove", summary.auto_remove);
  json.Read("health_check", summary.has_health_check);
  summary.restart = DecodeRestart(json);
  if (!text || !text->root().IsObject() || !json.all_fit()) {
    return Fail(ErrorKind::kCorrupt, "container '{}': its record.json is damaged", id);
  }
  return summary;
}

std::string EncodeRecord(const ContainerRecord& record) {
  return EncodeSummary(record.Summary()).dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n" + EncodeContainerConfig(record.config) + "\n";
}

// What a container with a limit may make of /etc/hosts and the like.
constexpr int64_t kMostEtcBytes = 1 << 20;

Result<> FillDirectory(const std::string& directory, const ContainerRecord& record,
                       std::span<const SecretFile> secrets, Durability durability) {
  // The upper directory's mode shows as the mode of the container's "/".
  TRY(MakeDirectory(directory + "/upper", 0755));
  TRY(MakeDirectory(directory + "/work", 0700));
  TRY(MakeDirectory(directory + "/etc", 0700));
  if (record.config.storage_size > 0) {
    const std::string limited[] = {directory + "/upper", directory + "/work"};
    TRY_CONTEXT(LimitTrees(limited, record.id, record.config.storage_size),
                "limit what the container writes");
    // Apart from these: one that is full has to start again.
    const std::string etc[] = {directory + "/etc"};
    TRY_CONTEXT(LimitTrees(etc, record.id + "/etc", kMostEtcBytes), "limit its files in /etc");
  }
  TRY(WriteSecrets(directory, secrets, durability));
  std::string path = directory + "/record.json";
  TRY(Fd fd, OpenAt(kCwd, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(WriteAll(fd, EncodeRecord(record), path));
  if (durability == Durability::kVolatile) return {};
  if (fsync(fd.get()) != 0) return FailErrno("sync", path);
  return SyncDirectory(directory);
}

// What FillDirectory made of it. By name: to look into it takes a descriptor, and there may be
// none.
void DropDirectory(const std::string& directory, size_t secrets) {
  while (secrets > 0) unlink(SecretPath(directory, --secrets).c_str());
  for (const char* name : {"/upper", "/work", "/etc", "/secrets"}) {
    rmdir((directory + name).c_str());
  }
  unlink((directory + "/record.json").c_str());
  rmdir(directory.c_str());
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

Error Ambiguous(const Layout& layout, std::string_view prefix, std::span<const std::string> ids) {
  constexpr size_t kMostShown = 8;
  std::string candidates;
  for (const std::string& id : ids.first(std::min(ids.size(), kMostShown))) {
    auto summary = ReadSummary(layout, id);
    size_t shown = std::max(kShortIdLength, std::min(prefix.size() + 2, id.size()));
    candidates += fmt::format("{}{} ({})", candidates.empty() ? "" : ", ", id.substr(0, shown),
                              summary ? summary->name : "?");
  }
  if (ids.size() > kMostShown) candidates += fmt::format(", and {} more", ids.size() - kMostShown);
  Error error =
      MakeError(ErrorKind::kConflict,
                fmt::format("'{}' is the beginning of more than one container id", prefix));
  error.subject = prefix;
  return std::move(error).WithHint("it may be " + candidates);
}

Result<Fd> OpenContainer(const Layout& layout, std::string_view id) {
  auto directory = OpenDirectory(layout.Container(id));
  if (!directory && directory.error().system_errno == ENOENT) {
    return Fail(NoSuchContainer(layout, id));
  }
  return directory;
}

Durability DurabilityOf(const ContainerRecord& record) {
  return record.config.auto_remove ? Durability::kVolatile : Durability::kDurable;
}

}  // namespace

bool LeadsTo(const std::string& path, BorrowedFd directory) {
  struct stat opened{};
  struct stat named{};
  return fstat(directory.get(), &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino;
}

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
  summary.has_health_check = config.HasHealthCheck();
  summary.restart = config.restart;
  return summary;
}

Result<ContainerLock> ContainerLock::Acquire(const Layout& layout, std::string_view id) {
  std::string path = layout.Container(id);
  TRY(Fd directory, OpenContainer(layout, id));
  TRY(LockFile(directory, LockMode::kExclusive, path));
  // Removed while we waited: then the path is gone, or leads to another directory.
  if (!LeadsTo(path, directory)) return Fail(NoSuchContainer(layout, id));
  return ContainerLock(std::move(directory));
}

Result<std::optional<ContainerLock>> ContainerLock::TryAcquire(const Layout& layout,
                                                               std::string_view id) {
  TRY(Fd directory, OpenContainer(layout, id));
  TRY(bool locked, TryLockFile(directory, LockMode::kExclusive));
  if (!locked) return std::nullopt;
  if (!LeadsTo(layout.Container(id), directory)) return Fail(NoSuchContainer(layout, id));
  return ContainerLock(std::move(directory));
}

Result<> CreateContainer(const Layout& layout, const ContainerRecord& record,
                         std::span<const SecretFile> secrets) {
  Durability durability = DurabilityOf(record);
  std::string temp = layout.Containers() + "/" + std::string(kNewPrefix) + record.id;
  TRY(Fd lock, MakeLockedDirectory(temp, 0711));
  auto undo = [&](Error error) {
    if (record.config.storage_size > 0) LiftLimits(temp);
    DropDirectory(temp, secrets.size());
    return Fail(std::move(error));
  };
  FailPoint("create-directory");
  auto filled = FillDirectory(temp, record, secrets, durability);
  if (!filled) return undo(std::move(filled).error());
  FailPoint("create-record");
  auto reserved = ReserveName(layout, record.name, record.id);
  if (!reserved) return undo(std::move(reserved).error());
  FailPoint("create-named");
  if (rename(temp.c_str(), layout.Container(record.id).c_str()) != 0) {
    Error error = SystemError("publish", layout.Container(record.id));
    (void)Unlink(layout.Name(record.name));
    return undo(std::move(error));
  }
  RecordContainerEvent(layout, record, "create");
  if (durability == Durability::kVolatile) return {};
  TRY(SyncDirectory(layout.Names()));
  return SyncDirectory(layout.Containers());
}

Result<> ReplaceRecord(const Layout& layout, const ContainerRecord& record) {
  return WriteFileAtomically(RecordPath(layout, record.id), EncodeRecord(record),
                             DurabilityOf(record));
}

Result<> RenameContainer(const Layout& layout, ContainerRecord record, const std::string& name) {
  std::string old_name = std::move(record.name);
  TRY(ReserveName(layout, name, record.id));
  FailPoint("rename-reserved");
  record.name = name;
  auto replaced = ReplaceRecord(layout, record);
  if (!replaced) {
    (void)Unlink(layout.Name(name));
    return replaced;
  }
  FailPoint("rename-recorded");
  TRY(std::string owner, OwnerOfName(layout, old_name));
  if (owner == record.id) TRY(Unlink(layout.Name(old_name)));
  RecordContainerEvent(layout, record, "rename", {{"oldName", old_name}});
  if (DurabilityOf(record) == Durability::kVolatile) return {};
  return SyncDirectory(layout.Names());
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

Result<bool> RecordContains(const Layout& layout, std::string_view id, std::string_view text) {
  TRY(std::string record, ReadFile(RecordPath(layout, id), kRecordLimit));
  if (!record.ends_with("}\n")) return Fail(ErrorKind::kCorrupt, "container '{}': damaged", id);
  return record.find(text) != std::string::npos;
}

Result<ContainerSummary> ReadSummary(const Layout& layout, std::string_view id) {
  std::string path = RecordPath(layout, id);
  TRY(Fd file, OpenAt(kCwd, path, O_RDONLY));
  // Its first line, mostly: the config behind it is much longer.
  std::array<char, 2048> begin;
  ssize_t count = read(file.get(), begin.data(), begin.size());
  if (count > 0) {
    std::string_view text(begin.data(), static_cast<size_t>(count));
    if (size_t end = text.find('\n'); end != std::string_view::npos) {
      return DecodeSummary(text.substr(0, end), id);
    }
  }
  TRY(std::string text, ReadFile(path, kRecordLimit));
  return DecodeSummary(CutAt(text, '\n').before, id);
}

Result<std::vector<std::string>> ListContainerIds(const Layout& layout) {
  TRY(std::vector<std::string> ids, ListDirectory(layout.Containers()));
  std::erase_if(ids, [](const std::string& name) { return name.starts_with('.'); });
  return ids;
}

Result<std::string> FindContainer(const Layout& layout, std::string_view name_or_id) {
  if (name_or_id.starts_with('/')) name_or_id.remove_prefix(1);  // as docker prints names
  if (name_or_id.empty() || name_or_id.find('/') != std::string_view::npos ||
      name_or_id.starts_with('.')) {
    return Fail(NoSuchContainer(layout, name_or_id));
  }
  // Nobody's name takes another's id away from it.
  if (IsContainerId(name_or_id) && Exists(layout.Container(name_or_id))) {
    return std::string(name_or_id);
  }
  TRY(std::string named, OwnerOfName(layout, name_or_id));
  if (!named.empty()) return named;
  if (!IsHex(name_or_id) || name_or_id.size() >= kIdLength) {
    return Fail(NoSuchContainer(layout, name_or_id));
  }
  TRY(std::vector<std::string> ids, ListContainerIds(layout));
  std::erase_if(ids, [&](const std::string& id) { return !id.starts_with(name_or_id); });
  if (ids.empty()) return Fail(NoSuchContainer(layout, name_or_id));
  if (ids.size() > 1) return Fail(Ambiguous(layout, name_or_id, ids));
  return ids[0];
}

std::vector<ContainerSummary> ListRemoving(const Layout& layout) {
  std::vector<ContainerSummary> removing;
  auto names = ListDirectory(layout.Containers());
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    if (!name.starts_with(kGonePrefix)) continue;
    auto directory = OpenDirectory(layout.Containers() + "/" + name);
    if (!directory || TryLockFile(*directory, LockMode::kShared).value_or(true)) continue;
    auto text = ReadFileAt(*directory, "record.json", kRecordLimit);
    if (!text) continue;
    auto summary = DecodeSummary(CutAt(*text, '\n').before, name.substr(kGonePrefix.size()));
    if (summary) removing.push_back(*std::move(summary));
  }
  return removing;
}

Result<> RemoveContainer(const Layout& layout, std::string_view id, std::string_view name) {
  std::string path = layout.Container(id);
  std::string gone = layout.Containers() + "/" + std::string(kGonePrefix) + std::string(id);
  if (!name.empty()) {
    TRY(std::string owner, OwnerOfName(layout, name));
    if (owner == id) TRY(Unlink(layout.Name(name)));
  } else {
    // A damaged record does not tell; the name does.
    TRY(std::vector<std::string> names, ListDirectory(layout.Names()));
    for (const std::string& candidate : names) {
      TRY(std::string owner, OwnerOfName(layout, candidate));
      if (owner == id) TRY(Unlink(layout.Name(candidate)));
    }
  }
  FailPoint("remove-unnamed");
  auto summary = ReadSummary(layout, id);
  if (rename(path.c_str(), gone.c_str()) != 0 && errno != ENOENT) return FailErrno("remove", path);
  if (summary) RecordContainerEvent(layout, *summary, "destroy");
  FailPoint("remove-renamed");
  return RemoveTree(gone);
}

void LiftLimits(const std::string& directory) {
  LiftLimit(directory + "/upper");
  LiftLimit(directory + "/etc");
}

void RemoveAbandoned(const Layout& layout) {
  auto removed = RemoveAbandonedIn(layout.Containers());
  bool half_made = std::ranges::any_of(
      removed, [](const std::string& name) { return name.starts_with(kNewPrefix); });
  if (half_made) FreeAbandonedNames(layout);  // it may have had a name already
}

}  // namespace hoy::core
