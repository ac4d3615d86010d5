#pragma once
// A container's files as its processes see them, volumes and memory file systems included, as one
// directory descriptor: for cp and stat.
//
//   | the container | where the descriptor comes from                                        |
//   |---------------|------------------------------------------------------------------------|
//   | runs, paused  | /proc/<init>/root: a walk from there crosses the container's mounts     |
//   | does not run  | a child makes the root in a mount namespace of its own, and ends with   |
//   |   to read     | us; no lock is held: who reads may take for ever, or wait for somebody  |
//   |               | who waits for the container. What a start changes meanwhile may show    |
//   |   to write    | the same as a start would make it; the container's lock is held, so     |
//   |               | that nobody starts it meanwhile: an overlay must not be mounted twice.  |
//   |               | Nobody may open two to write, nor wait for others with one              |
//
// Nothing is mounted on the host. Paths below the descriptor are the container's to change at any
// moment: they are resolved by core/sys/in_root.h only.

#include <memory>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/made_root.h"
#include "core/engine/root_plan.h"
#include "core/state/container_record.h"
#include "core/state/volume.h"

namespace hoy::core {

class ContainerFiles {
 public:
  // kConflict: its state forbids it (Verb::kCopy).
  static Result<ContainerFiles> Open(const Layout& layout, std::string_view id, FilesAccess access);

  BorrowedFd root() const { return living_ ? BorrowedFd(living_) : made_.root(); }
  // Opened to read, it may be written to all the same.
  bool is_living() const { return static_cast<bool>(living_); }

 private:
  std::unique_ptr<ContainerLock> lock_;  // the last to go: nothing is mounted any more by then
  std::vector<VolumeLock> volumes_;      // with the lock: they stay what they are
  Fd living_;                            // O_PATH
  MadeRoot made_;                        // of one that does not run
};

}  // namespace hoy::core
