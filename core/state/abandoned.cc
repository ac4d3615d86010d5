#include "core/state/abandoned.h"

#include <unistd.h>

#include <functional>

#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "core/sys/project_quota.h"

namespace hoy::core {
namespace {

// Those for which `act` says yes, while their lock is held.
std::vector<std::string> EachAbandoned(const std::string& parent,
                                       const std::function<bool(const std::string& path)>& act) {
  std::vector<std::string> done;
  auto names = ListDirectory(parent);
  if (!names) return done;
  for (const std::string& name : *names) {
    if (!name.starts_with(kNewPrefix) && !name.starts_with(kGonePrefix)) continue;
    std::string path = parent + "/" + name;
    auto directory = OpenDirectory(path);
    if (!directory || !TryLockFile(*directory, LockMode::kExclusive).value_or(false)) continue;
    // Published since it was listed: then this is the lock of a living thing.
    if (LeadsTo(path, *directory) && act(path)) done.push_back(name);
  }
  return done;
}

}  // namespace

Result<Fd> MakeLockedDirectory(const std::string& path, mode_t mode) {
  for (;;) {
    TRY(MakeDirectory(path, mode));
    auto directory = OpenDirectory(path);
    auto locked = directory ? LockFile(*directory, LockMode::kExclusive, path) : Result<>{};
    // Before it was locked it looked abandoned.
    if (directory && locked && LeadsTo(path, *directory)) return directory;
    bool was_taken = directory ? locked.has_value() : directory.error().system_errno == ENOENT;
    if (was_taken) continue;
    rmdir(path.c_str());
    return locked ? std::move(directory) : Fail(std::move(locked).error());
  }
}

std::vector<std::string> ListAbandoned(const std::string& parent) {
  return EachAbandoned(parent, [](const std::string&) { return true; });
}

std::vector<std::string> RemoveAbandonedIn(const std::string& parent) {
  return EachAbandoned(parent, [](const std::string& path) {
    LiftLimit(path);   // a volume's
    LiftLimits(path);  // a container's
    return RemoveTree(path).has_value();
  });
}

}  // namespace hoy::core
