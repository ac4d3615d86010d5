#include "core/monitor/init_process.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

namespace hoy::core {
namespace {

// With the host's paths still in reach. The container holds its FIFOs open for
// reading, too (O_RDWR): when the monitor dies, writing to them blocks instead of killing the
// container with SIGPIPE, until the next monitor reads on.
void OpenChildStreams(const PlanView& plan, ChildContext& child) {
  const PlanHeader& header = plan.header();
  auto check = [&](int result) {
    if (result >= 0) return;
    GiveUpChild(child,
                {StartMessageKind::kSetup, static_cast<uint32_t>(SetupStage::kStreams), errno, 0});
  };
  if (header.terminal != 0 || header.stdout_path == 0) return;
  if (header.open_stdin == 0) {
    child.streams[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
    check(child.streams[0]);
  } else {
    check(fchown(child.streams[0], header.owner_uid, header.owner_gid));
  }
  const char* paths[2] = {plan.text(header.stdout_path), plan.text(header.stderr_path)};
  for (int which : {0, 1}) {
    child.streams[1 + which] = open(paths[which], O_RDWR | O_CLOEXEC);
    check(child.streams[1 + which]);
  }
}

}  // namespace

void RunInit(const PlanView& ahead, ChildContext& child) {
  ResetSignals();
  RunSteps(ahead, child);
  CloseHostDescriptors(child);
  PlanView plan(child.plans + AwaitWord(child.release_fd));
  OpenChildStreams(plan, child);
  RunSteps(plan, child);
  GiveUpChild(child, {StartMessageKind::kFailed, plan.header().step_count, ENOEXEC,
                      static_cast<uint32_t>(plan.base() - child.plans)});
}

}  // namespace hoy::core
