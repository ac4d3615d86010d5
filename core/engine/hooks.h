#pragma once
// Programs that vendors of devices want run while a container is made, and when it has ended: the
// hooks of github.com/opencontainers/runtime-spec, config.md "POSIX-platform Hooks", with its
// state.json on their standard input. Each is a child of ours, and its path is the host's; but
// those of startContainer are children of the container's process, and programs of its own
// (init/child_hook.h).
//
// clang-format off
//   | point           | namespaces                              | the root is seen at     | it fails   |
//   |-----------------|-----------------------------------------|-------------------------|------------|
//   | createRuntime   | ours                                    | /proc/PID/root          | no start   |
//   | createContainer | a copy of our mounts; the container's   | RootMountPoint(), which | no start   |
//   |                 | network, IPC and UTS                    | is in its config.json   |            |
//   | startContainer  | the container's                         | /                       | no start   |
//   | poststart       | ours                                    | /proc/PID/root          | a warning  |
//   | poststop        | ours                                    | nowhere                 | an event   |
// clang-format on
//
// The first two run when the container's root has all its mounts and nothing in it is read-only
// yet. The init has then changed its root already, so it is shown to them as a copy of its mounts:
// what they write there is the container's, what they mount there is not. startContainer comes
// just before its program, as its user; poststart when that runs; poststop once its processes and
// its network are gone, by whoever cleans up, also after a start that failed in the hooks or behind
// them.
//
// Until the first two have run the init waits for us: it writes a byte to one pipe of ours, and
// reads one from another, whose end-of-file means that it is to give up, or that we are gone. They
// end with the init; those of poststart a moment later.

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

class HookMeeting {
 public:
  // Does nothing where there are no hooks.
  static Result<HookMeeting> Prepare(const ContainerRecord& record);

  // Where a child of this process finds its ends of the pipes.
  std::string ArrivalPath() const;
  std::string LeavePath() const;

  // Waits until the init is there, or `channel` has something to tell of its end, runs the hooks
  // and lets it go on, or give up where one has failed: that error is returned. `attended`: a
  // person is there.
  Result<> Run(const Layout& layout, const ContainerRecord& record, BorrowedFd channel,
               bool attended);

 private:
  Fd arrival_[2];
  Fd leave_[2];
};

// Those of the point poststart, which nobody has to wait for but their starter.
class PoststartHooks {
 public:
  // The container's lock is held, and its process is the child of a monitor.
  static PoststartHooks Prepare(const Layout& layout, const ContainerRecord& record, pid_t init);

  // The container's lock is held no more. What went wrong, which is an event, too.
  std::vector<std::string> Run(const Layout& layout, const ContainerRecord& record);

 private:
  Fd turn_;  // locked until they have ended: those of poststop come behind them
  Fd init_;
  std::string state_;
};

// Those of the point poststop, if the hooks of this run were begun: its directory in RUN says so.
// The container's lock is held. When this is cut off, the next clean-up does it again.
void RunPoststopHooks(const Layout& layout, const ContainerRecord& record);

// For how long a hook may run; 0: as long as it likes. One that names no time has a minute, but
// where a person waits for the start, who can interrupt it.
int SecondsOf(const Hook& hook, bool attended);

}  // namespace hoy::core
