#include "core/engine/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>

#include "core/engine/run_hook.h"
#include "core/state/event_log.h"
#include "core/state/oci_state.h"
#include "core/state/run_state.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

// Of a hook that would be waited for with the container's lock, and that names no time.
constexpr int kMostSeconds = 60;

// In its directory in RUN; also the sign that the hooks of this run were begun.
std::string ConfigPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/config.json";
}

// Those of a point whose failure changes nothing; each is run, whatever became of the one before.
std::vector<std::string> RunAll(const Layout& layout, const ContainerRecord& record,
                                HookPoint point, const std::string& state) {
  std::vector<std::string> warnings;
  for (Hook hook : record.config.hooks) {
    if (hook.point != point) continue;
    if (hook.timeout_seconds == 0) hook.timeout_seconds = kMostSeconds;
    auto done = RunHook(hook, {.mount_point = "", .state = state});
    if (done) continue;
    RecordContainerEvent(layout, record, "hook_failed", {{"error", done.error().message}});
    warnings.push_back(std::move(done).error().message);
  }
  return warnings;
}

Result<> RunHooks(const Layout& layout, const ContainerRecord& record) {
  TRY(std::optional<RunState> run, ReadRunState(layout, record.id));
  if (!run) return Fail(ErrorKind::kSystem, "hooks: no process is known");
  TRY(std::optional<Fd> init, OpenProcess(run->init));
  if (!init) return Fail(ErrorKind::kSystem, "hooks: the container's process has ended");
  HookPlace place{.init = init->get(),
                  .mount_point = layout.RootMountPoint(),
                  .state = EncodeOciState(layout, record, {"creating", run->init.pid}),
                  .heeds_signals = true};
  TRY(WriteFileAtomically(ConfigPath(layout, record.id),
                          EncodeHookConfig(record, place.mount_point), Durability::kVolatile,
                          0600));
  for (HookPoint point : {HookPoint::kCreateRuntime, HookPoint::kCreateContainer}) {
    for (const Hook& hook : record.config.hooks) {
      if (hook.point == point) TRY(RunHook(hook, place));
    }
  }
  return {};
}

Result<> MakePipe(Fd (&ends)[2]) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return FailErrno("pipe", "hooks");
  ends[0].reset(fds[0]);
  ends[1].reset(fds[1]);
  return {};
}

std::string PathOf(const Fd& fd) {
  return fd ? fmt::format("/proc/{}/fd/{}", getpid(), fd.get()) : "";
}

}  // namespace

Result<HookMeeting> HookMeeting::Prepare(const ContainerRecord& record) {
  HookMeeting meeting;
  if (record.config.hooks.empty()) return meeting;
  TRY(MakePipe(meeting.arrival_));
  TRY(MakePipe(meeting.leave_));
  return meeting;
}

std::string HookMeeting::ArrivalPath() const {
  return PathOf(arrival_[1]);
}

std::string HookMeeting::LeavePath() const {
  return PathOf(leave_[0]);
}

Result<> HookMeeting::Run(const Layout& layout, const ContainerRecord& record, BorrowedFd channel) {
  if (!arrival_[0]) return {};
  std::array<pollfd, 2> slots = {{{arrival_[0].get(), POLLIN, 0}, {channel.get(), POLLIN, 0}}};
  while (poll(slots.data(), slots.size(), -1) < 0) {
    if (errno != EINTR) return FailErrno("poll", "hooks");
  }
  if (slots[0].revents == 0) return {};  // the start has failed before; the channel says why
  auto done = RunHooks(layout, record);
  char byte = 1;
  if (done && write(leave_[1].get(), &byte, 1) != 1) done = FailErrno("write", "hooks");
  leave_[1].reset();
  return done;
}

std::vector<std::string> RunPoststartHooks(const Layout& layout, const ContainerRecord& record,
                                           pid_t init) {
  if (record.config.hooks.empty()) return {};
  return RunAll(layout, record, HookPoint::kPoststart,
                EncodeOciState(layout, record, {"running", init}));
}

void RunPoststopHooks(const Layout& layout, const ContainerRecord& record) {
  if (record.config.hooks.empty() || !Exists(ConfigPath(layout, record.id))) return;
  RunAll(layout, record, HookPoint::kPoststop, EncodeOciState(layout, record, {"stopped"}));
  // Not again by who goes on with a clean-up that is cut off from here on.
  (void)Unlink(ConfigPath(layout, record.id));
}

}  // namespace hoy::core
