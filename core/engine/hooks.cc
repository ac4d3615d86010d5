#include "core/engine/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "core/engine/run_hook.h"
#include "core/engine/wait.h"
#include "core/state/event_log.h"
#include "core/state/oci_state.h"
#include "core/state/run_state.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

constexpr int kMostSeconds = 60;
// Of a poststart hook, when its container has ended: that one may be as short as it likes.
constexpr int kSecondsAfterEnd = 5;

// In its directory in RUN; also the sign that the hooks of this run were begun.
std::string ConfigPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/config.json";
}

// Those of a point whose failure changes nothing; each is run, whatever became of the one before.
std::vector<std::string> RunAll(const Layout& layout, const ContainerRecord& record,
                                HookPoint point, const HookPlace& place) {
  std::vector<std::string> warnings;
  for (Hook hook : record.config.hooks) {
    if (hook.point != point) continue;
    hook.timeout_seconds = SecondsOf(hook, /*attended=*/false);
    auto done = RunHook(hook, place);
    if (done) continue;
    RecordContainerEvent(layout, record, "hook_failed", {{"error", done.error().message}});
    warnings.push_back(std::move(done).error().message);
  }
  return warnings;
}

Result<> RunHooks(const Layout& layout, const ContainerRecord& record, bool attended) {
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
    for (Hook hook : record.config.hooks) {
      if (hook.point != point) continue;
      hook.timeout_seconds = SecondsOf(hook, attended);
      TRY(RunHook(hook, place));
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

// Until those of poststart have ended, which do so with their container. Not for longer than that
// takes: who runs them may be stopped.
void AwaitPoststartHooks(const Layout& layout, const ContainerRecord& record) {
  constexpr std::chrono::milliseconds kPause(5);
  auto count = std::ranges::count(record.config.hooks, HookPoint::kPoststart, &Hook::point);
  auto opened = OpenAt(kCwd, ConfigPath(layout, record.id), O_RDONLY | O_NOFOLLOW);
  if (count == 0 || !opened) return;
  Deadline deadline((count + 1) * kSecondsAfterEnd * int64_t{1000});
  while (!deadline.Passed() && !TryLockFile(*opened, LockMode::kExclusive).value_or(true)) {
    std::this_thread::sleep_for(kPause);
  }
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

Result<> HookMeeting::Run(const Layout& layout, const ContainerRecord& record, BorrowedFd channel,
                          bool attended) {
  if (!arrival_[0]) return {};
  std::array<pollfd, 2> slots = {{{arrival_[0].get(), POLLIN, 0}, {channel.get(), POLLIN, 0}}};
  while (poll(slots.data(), slots.size(), -1) < 0) {
    if (errno != EINTR) return FailErrno("poll", "hooks");
  }
  if (slots[0].revents == 0) return {};  // the start has failed before; the channel says why
  auto done = RunHooks(layout, record, attended);
  char byte = 1;
  if (done && write(leave_[1].get(), &byte, 1) != 1) done = FailErrno("write", "hooks");
  leave_[1].reset();
  return done;
}

PoststartHooks PoststartHooks::Prepare(const Layout& layout, const ContainerRecord& record,
                                       pid_t init) {
  PoststartHooks hooks;
  if (record.config.hooks.empty()) return hooks;
  hooks.state_ = EncodeOciState(layout, record, {"running", init});
  auto run = ReadRunState(layout, record.id);
  if (run && *run) {
    auto process = OpenProcess((*run)->init);
    if (process && *process) hooks.init_ = *std::move(*process);
  }
  auto opened = OpenAt(kCwd, ConfigPath(layout, record.id), O_RDONLY | O_NOFOLLOW);
  if (opened) {
    hooks.turn_ = *std::move(opened);
    (void)TryLockFile(hooks.turn_, LockMode::kExclusive);
  }
  return hooks;
}

std::vector<std::string> PoststartHooks::Run(const Layout& layout, const ContainerRecord& record) {
  if (record.config.hooks.empty()) return {};
  // One that has ended already counts from here.
  Fd ended(init_ ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC));
  return RunAll(layout, record, HookPoint::kPoststart,
                {.init = init_ ? init_.get() : ended.get(),
                 .seconds_after_end = kSecondsAfterEnd,
                 .mount_point = "",
                 .state = state_});
}

void RunPoststopHooks(const Layout& layout, const ContainerRecord& record) {
  if (record.config.hooks.empty() || !Exists(ConfigPath(layout, record.id))) return;
  AwaitPoststartHooks(layout, record);
  RunAll(layout, record, HookPoint::kPoststop,
         {.mount_point = "", .state = EncodeOciState(layout, record, {"stopped"})});
  // Not again by who goes on with a clean-up that is cut off from here on.
  (void)Unlink(ConfigPath(layout, record.id));
}

int SecondsOf(const Hook& hook, bool attended) {
  return hook.timeout_seconds != 0 || attended ? hook.timeout_seconds : kMostSeconds;
}

}  // namespace hoy::core
