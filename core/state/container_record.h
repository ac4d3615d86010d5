#pragma once
// A container on disk: DATA/containers/<id>/record.json and DATA/names/<name>.
//
// record.json has two lines: the summary, which is all that `ps` reads of a container, and the
// config. Both are written once, before the directory is published; a rename replaces the file.
//
// Creation and removal, so that every prefix is legal:
//   | killed after                        | left behind                     | healed by       |
//   |-------------------------------------|---------------------------------|-----------------|
//   | mkdir containers/.new-<id>          | a directory whose flock is free | RemoveAbandoned |
//   | record.json written                 | the same                        | the same        |
//   | names/<name> -> <id>                | a name of no container as well  | the same, and   |
//   |                                     |                                 | ReserveName     |
//   | rename .new-<id> -> <id>            | nothing: the container exists   |                 |
//   | (removal) names/<name> unlinked     | a container without its name    | rm by id        |
//   | (removal) rename <id> -> .gone-<id> | a directory whose flock is free | RemoveAbandoned |

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"

namespace hoy::core {

// What lists show, without the config.
struct ContainerSummary {
  std::string id;
  std::string name;
  Timestamp created = 0;
  std::string image;                 // as the user named it
  std::string image_id;              // hex
  std::vector<std::string> command;  // entrypoint and arguments
  StringPairs labels;
  bool auto_remove = false;
  bool has_health_check = false;
  RestartPolicy restart;
};

struct SecretFile;  // core/state/secrets.h

struct ContainerRecord {
  std::string id;
  std::string name;
  Timestamp created = 0;
  ContainerConfig config;

  ContainerSummary Summary() const;
};

// Whether `path` leads to the directory that is open: what was waited for may be gone since.
bool LeadsTo(const std::string& path, BorrowedFd directory);

// The exclusive hold on one container, for the length of a change of its state. Short: never kept
// while waiting, pulling or attaching.
class ContainerLock {
 public:
  // kNotFound: the container was removed meanwhile.
  static Result<ContainerLock> Acquire(const Layout& layout, std::string_view id);
  // The same without waiting. nullopt: somebody else holds it.
  static Result<std::optional<ContainerLock>> TryAcquire(const Layout& layout, std::string_view id);

  // flock(2) goes with the open file description: a process that is given this holds the lock, too.
  BorrowedFd fd() const { return directory_; }

 private:
  explicit ContainerLock(Fd directory) : directory_(std::move(directory)) {}
  Fd directory_;
};

// Makes the directory (upper/, work/, etc/, record.json, secrets/), reserves the name, and
// publishes. kAlreadyExists: the name is in use, by whom is in the message. On failure nothing is
// left. An auto-remove container is not synced to disk: a reboot makes it worthless anyway.
Result<> CreateContainer(const Layout& layout, const ContainerRecord& record,
                         std::span<const SecretFile> secrets = {});

// Replaces its record.json (update; rename does more, see below). The caller holds the lock.
Result<> ReplaceRecord(const Layout& layout, const ContainerRecord& record);

// Gives it another name: the new name is reserved, the record replaced, the old name let go. A
// crash leaves two names that both lead to it at worst; the one that is not in the record is free
// for whoever asks for it next. kAlreadyExists: the name is in use, by whom is in the message. The
// caller holds the lock.
Result<> RenameContainer(const Layout& layout, ContainerRecord record, const std::string& name);

Result<ContainerRecord> ReadContainer(const Layout& layout, std::string_view id);
// Whether that text is in its record: one without it need not be decoded. kCorrupt: it is cut off.
Result<bool> RecordContains(const Layout& layout, std::string_view id, std::string_view text);
Result<ContainerSummary> ReadSummary(const Layout& layout, std::string_view id);

// A full name, a full id, or an unambiguous id prefix -> the full id. kNotFound (with a near name
// in the hint), kConflict when a prefix is ambiguous (with the candidates in the hint).
Result<std::string> FindContainer(const Layout& layout, std::string_view name_or_id);
Result<std::vector<std::string>> ListContainerIds(const Layout& layout);
// Summaries of those that somebody is removing at this moment.
std::vector<ContainerSummary> ListRemoving(const Layout& layout);

// Takes the name away, renames the directory to .gone-<id>, deletes it. The caller holds the lock
// and has made sure that nothing runs.
Result<> RemoveContainer(const Layout& layout, std::string_view id, std::string_view name);

// Lifts the limits (--storage-opt size=) of a container's directory that is about to go. Without
// any it is success.
void LiftLimits(const std::string& directory);

// Deletes what dead processes left in DATA/containers: .new-* and .gone-* whose flock is free.
void RemoveAbandoned(const Layout& layout);

}  // namespace hoy::core
