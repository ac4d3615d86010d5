#include "core/engine/wait.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

int64_t MonotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// The state file of a run, held open: it still tells the exit when a clean-up has unlinked it.
class HeldState {
 public:
  explicit HeldState(Fd file) : file_(std::move(file)) {}

  Result<RunState> Read() const {
    if (lseek(file_.get(), 0, SEEK_SET) < 0) return FailErrno("seek", "state.json");
    TRY(std::string text, ReadAll(file_, "state.json"));
    return DecodeRunState(text);
  }

  // Until its exit is published or its monitor has ended. False: the deadline passed.
  Result<bool> AwaitExit(BorrowedFd monitor, const Deadline& deadline) const {
    Fd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    std::string path = fmt::format("/proc/self/fd/{}", file_.get());
    if (!watch || inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0) {
      return AwaitReadable(monitor, deadline);  // out of watches: later, but not wrong
    }
    TRY(RunState run, Read());
    if (run.exit) return true;
    while (true) {
      pollfd slots[2] = {{monitor.get(), POLLIN, 0}, {watch.get(), POLLIN, 0}};
      int ready = poll(slots, 2, deadline.PollTimeout());
      if (ready < 0 && errno != EINTR) return FailErrno("poll", "monitor");
      if (ready > 0) return true;
      if (deadline.Passed()) return false;
    }
  }

 private:
  Fd file_;
};

Error StillRuns(std::string_view id) {
  return MakeError(ErrorKind::kTimeout, fmt::format("container {} still runs", ShortId(id)));
}

// The monitor ends when all is cleaned up. It may be waiting for the client that is to do so, which
// somebody has stopped: the exit is published, and the next command that needs to cleans up.
Result<> AwaitCleanUp(BorrowedFd monitor, const Deadline& deadline) {
  constexpr int kPatienceMs = 30'000;
  int left = deadline.PollTimeout();
  TRY(AwaitReadable(monitor, Deadline(left < 0 ? kPatienceMs : std::min(left, kPatienceMs))));
  return {};
}

bool WillRunAgain(const Layout& layout, std::string_view id) {
  auto status = Observe(layout, id);
  return status && status->state == ContainerState::kRestarting;
}

}  // namespace

Deadline::Deadline(int64_t timeout_ms) : at_(timeout_ms < 0 ? -1 : MonotonicMs() + timeout_ms) {}

bool Deadline::Passed() const {
  return at_ >= 0 && MonotonicMs() >= at_;
}

int Deadline::PollTimeout() const {
  if (at_ < 0) return -1;
  return static_cast<int>(std::clamp<int64_t>(at_ - MonotonicMs(), 0, 1 << 30));
}

Result<bool> AwaitReadable(BorrowedFd fd, const Deadline& deadline) {
  while (true) {
    pollfd slot{fd.get(), POLLIN, 0};
    int ready = poll(&slot, 1, deadline.PollTimeout());
    if (ready < 0 && errno != EINTR) return FailErrno("poll", "pidfd");
    if (ready > 0) return true;
    if (deadline.Passed()) return false;
  }
}

Result<ExitRecord> WaitForExit(const Layout& layout, std::string_view id, int64_t timeout_ms) {
  Deadline deadline(timeout_ms);
  while (true) {
    Fd state_file;
    auto status = Heal(layout, id, &state_file);
    if (!status && (status.error().kind != ErrorKind::kNotFound || !state_file)) {
      return Fail(std::move(status).error());
    }
    bool has_file = static_cast<bool>(state_file);
    HeldState state(std::move(state_file));
    if (status && !status->IsUp()) {
      // Published already; its monitor may still be cleaning up.
      std::optional<Fd> monitor;
      if (status->run && status->state != ContainerState::kRestarting) {
        TRY(monitor, OpenProcess(status->run->monitor));
      }
      if (monitor) TRY(AwaitCleanUp(*monitor, deadline));
      if (has_file && !(status->exit && status->exit->known)) {
        TRY(RunState run, state.Read());
        if (run.exit) return *run.exit;
      }
      return status->exit.value_or(ExitRecord{});
    }
    if (!has_file) continue;  // it started after the look at the state file
    TRY(RunState run, state.Read());
    std::optional<Fd> monitor;
    TRY(monitor, OpenProcess(run.monitor));
    if (monitor) {
      TRY(bool ended, state.AwaitExit(*monitor, deadline));
      if (!ended) return Fail(StillRuns(id));
    }
    TRY(run, state.Read());
    if (run.exit && WillRunAgain(layout, id)) return *run.exit;
    if (run.exit && monitor) TRY(AwaitCleanUp(*monitor, deadline));
    if (run.exit) return *run.exit;
    // The monitor was killed: the next round finds that out and gives the container another.
  }
}

}  // namespace hoy::core
