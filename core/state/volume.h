#pragma once
// A volume on disk: DATA/volumes/<name>/{volume.json,_data/}. A directory that appears by a rename,
// whole, so that of two who make the same volume one succeeds; rename(2) does not replace a
// directory that has something in it.
//
// flock(2) on the volume's directory keeps those apart who use it and those who take it away:
//   | who                                | how       | for how long                             |
//   |------------------------------------|-----------|------------------------------------------|
//   | run, create                        | shared    | until the container's record is there    |
//   | the same, when it fills the volume | exclusive | likewise                                 |
//   | a start                            | shared    | until the container has its mounts       |
//   | cp, volume export, import          | shared    | while its files are copied               |
//   | volume rm, prune, rm -v            | exclusive | while it looks for users, and renames it |
// Somebody who locks several does so in the order of their names. Container locks come before.
//
//   | killed after                    | left behind                     | healed by              |
//   |---------------------------------|---------------------------------|------------------------|
//   | mkdir .new-<random>             | a directory whose flock is free | RemoveAbandonedVolumes |
//   | rename .new-<random> -> <name>  | the volume; an anonymous one    | volume prune           |
//   |                                 | may have no container           |                        |
//   | a part of the image is in .fill | the same volume, still empty    | who fills it next      |
//   | rename .fill -> _data           | nothing: the volume is whole    |                        |
//   | (rm) a container's record went  | its anonymous volumes           | volume prune           |
//   | rename <name> -> .gone-<random> | a directory whose flock is free | RemoveAbandonedVolumes |

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"

namespace hoy::core {

// Docker's mark of a volume that nobody gave a name; `volume prune` goes by it.
inline constexpr std::string_view kAnonymousLabel = "com.docker.volume.anonymous";

std::string VolumesDirectory(const Layout& layout);
std::string VolumeDirectory(const Layout& layout, std::string_view name);
std::string VolumeData(const Layout& layout, std::string_view name);  // what a container sees

struct VolumeRecord {
  std::string name;
  Timestamp created = 0;
  StringPairs labels;
  StringPairs options;  // of the driver "local": type, o, device
  StringPairs secrets;  // for CreateVolume alone: keys of an S3 volume, kept apart from the record

  bool IsAnonymous() const;
};

// [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255 bytes: never a path.
bool IsValidVolumeName(std::string_view name);

// What the options make of a mount of that volume: the directory `data` where there are none,
// o=bind,device=/path a bind, type=tmpfs a memory file system of each container's own, type=s3 the
// directory as the local copy of a bucket (s3_volume.h); o=size= is that directory, which
// CreateVolume has limited (core/sys/project_quota.h). Pure.
// kInvalidArgument: an unknown option; kUnsupported: another type.
Result<> ApplyVolumeOptions(const StringPairs& options, const std::string& data, Mount& mount);

// False: a volume of that name is there already, and stays as it is.
Result<bool> CreateVolume(const Layout& layout, const VolumeRecord& record, Durability durability);
// kNotFound: "no such volume".
Result<VolumeRecord> ReadVolume(const Layout& layout, std::string_view name);
Result<std::vector<std::string>> ListVolumes(const Layout& layout);  // names, sorted

class VolumeLock {
 public:
  // Waits. kNotFound: there is no such volume, or it was removed meanwhile.
  static Result<VolumeLock> Acquire(const Layout& layout, std::string_view name, LockMode mode);

  // kCorrupt: where the files should be is no directory.
  Result<> CheckData() const;

  BorrowedFd directory() const { return directory_; }

 private:
  explicit VolumeLock(Fd directory) : directory_(std::move(directory)) {}
  Fd directory_;
};

// The containers that mount volumes, whatever their state.
struct VolumeUser {
  std::string id;
  std::string name;
};
struct VolumeUsers {
  std::map<std::string, std::vector<VolumeUser>, std::less<>> by_volume;
  std::vector<std::string> unreadable;  // ids of containers whose records do not tell
};
Result<VolumeUsers> FindVolumeUsers(const Layout& layout);
// Those of one volume alone, for which most records need not be decoded.
Result<VolumeUsers> FindUsersOfVolume(const Layout& layout, std::string_view name);

// kConflict: a container uses it (which one, is in the message), or may do so for all one can read.
// Likewise one that has changes which S3 has not got, unless they are to be lost.
// kNotFound: there is none of that name.
enum class PendingChanges { kKeep, kDiscard };
Result<> RemoveVolume(const Layout& layout, std::string_view name,
                      PendingChanges pending = PendingChanges::kKeep);
// Those of a container that was just removed, unless others use them. As far as possible: what
// stays, as one that is being synced does, is for `volume prune`.
void RemoveAnonymousVolumes(const Layout& layout, const ContainerConfig& config);

// Deletes what dead processes left in DATA/volumes.
void RemoveAbandonedVolumes(const Layout& layout);

}  // namespace hoy::core
