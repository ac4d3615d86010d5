#pragma once
// A container's files as its processes see them, volumes and memory file systems included, as one
// directory descriptor: for cp and stat.
//
//   | the container | where the descriptor comes from                                        |
//   |---------------|------------------------------------------------------------------------|
//   | runs, paused  | /proc/<init>/root: a walk from there crosses the container's mounts     |
//   | does not run  | a child makes the root, as a start would, in a mount namespace of its   |
//   |               | own, and ends with us; the container's lock is held, so that nobody     |
//   |               | starts it meanwhile: an overlay must not be mounted twice               |
//
// Nothing is mounted on the host. Paths below the descriptor are the container's to change at any
// moment: they are resolved by core/sys/in_root.h only.

#include <memory>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/made_root.h"
#include "core/state/container_record.h"
#include "core/state/volume.h"

namespace hoy::core {

class ContainerFiles {
 public:
  // kConflict: its state forbids it (Verb::kCopy).
  static Result<ContainerFiles> Open(const Layout& layout, std::string_view id);

  BorrowedFd root() const { return root_ ? BorrowedFd(root_) : made_.root(); }

 private:
  std::unique_ptr<ContainerLock> lock_;  // the last to go: nothing is mounted any more by then
  std::vector<VolumeLock> volumes_;      // of one that does not run: they stay what they are
  Fd root_;                              // O_PATH, of a living container
  MadeRoot made_;                        // of one that does not run
};

}  // namespace hoy::core
