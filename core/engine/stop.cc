#include "core/engine/stop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/cgroup/cgroup.h"
#include "core/engine/lifecycle.h"
#include "core/engine/run_directory.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// SIGKILL is not always obeyed at once (a process in a dead NFS mount); then this is an error.
constexpr int64_t kKillPatienceMs = 30'000;

int64_t MonotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

class Deadline {
 public:
  explicit Deadline(int64_t timeout_ms) : at_(timeout_ms < 0 ? -1 : MonotonicMs() + timeout_ms) {}
  bool Passed() const { return at_ >= 0 && MonotonicMs() >= at_; }
  int PollTimeout() const {
    if (at_ < 0) return -1;
    int64_t left = at_ - MonotonicMs();
    return left <= 0 ? 0 : static_cast<int>(std::min<int64_t>(left, 1 << 30));
  }

 private:
  int64_t at_;
};

// True: the process behind the pidfd has ended. False: the deadline passed.
Result<bool> AwaitEnd(BorrowedFd pidfd, const Deadline& deadline) {
  while (true) {
    pollfd slot{pidfd.get(), POLLIN, 0};
    int ready = poll(&slot, 1, deadline.PollTimeout());
    if (ready < 0 && errno != EINTR) return FailErrno("poll", "pidfd");
    if (ready > 0) return true;
    if (deadline.Passed()) return false;
  }
}

Error NotRunning(std::string_view id) {
  return MakeError(ErrorKind::kConflict, fmt::format("container {} is not running", ShortId(id)));
}

// nullopt: its init is gone already.
Result<std::optional<Fd>> OpenInit(const ContainerStatus& status) {
  if (status.state != ContainerState::kRunning || !status.run) return std::nullopt;
  return OpenProcess(status.run->init);
}

}  // namespace

Result<> KillContainer(const Layout& layout, std::string_view id, int signal) {
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(std::optional<Fd> init, OpenInit(status));
  if (!init) return Fail(NotRunning(id));
  return SendSignal(*init, signal);
}

Result<> StopContainer(const Layout& layout, std::string_view id,
                       std::optional<int64_t> timeout_seconds) {
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(std::optional<Fd> init, OpenInit(status));
  if (init) {
    TRY(ContainerRecord record, ReadContainer(layout, id));
    int64_t patience = timeout_seconds.value_or(record.config.stop_timeout_seconds);
    TRY(SendSignal(*init, record.config.stop_signal));
    TRY(bool ended, AwaitEnd(*init, Deadline(patience < 0 ? -1 : patience * 1000)));
    if (!ended) TRY(SendSignal(*init, SIGKILL));
  }
  auto exit = WaitForExit(layout, id, init ? kKillPatienceMs : -1);
  if (!exit && exit.error().kind == ErrorKind::kTimeout) {
    return Fail(
        MakeError(ErrorKind::kTimeout,
                  fmt::format("container {} does not end, even by SIGKILL", ShortId(id)))
            .WithHint("a process of it may hang in the kernel, for example on a dead mount"));
  }
  if (!exit && exit.error().kind != ErrorKind::kNotFound) return Fail(std::move(exit).error());
  return {};
}

Result<ExitRecord> WaitForExit(const Layout& layout, std::string_view id, int64_t timeout_ms) {
  Deadline deadline(timeout_ms);
  while (true) {
    Fd state_file;
    auto status = Heal(layout, id, &state_file);
    if (!status && (status.error().kind != ErrorKind::kNotFound || !state_file)) {
      return Fail(std::move(status).error());
    }
    auto read_state = [&]() -> Result<RunState> {
      if (lseek(state_file.get(), 0, SEEK_SET) < 0) return FailErrno("seek", "state.json");
      TRY(std::string text, ReadAll(state_file, "state.json"));
      return DecodeRunState(text);
    };
    if (status && status->state != ContainerState::kRunning) {
      // Published already; its monitor may still be cleaning up.
      std::optional<Fd> monitor;
      if (status->run) {
        TRY(monitor, OpenProcess(status->run->monitor));
      }
      if (monitor) TRY(AwaitEnd(*monitor, deadline));
      if (state_file && !(status->exit && status->exit->known)) {
        TRY(RunState run, read_state());
        if (run.exit) return *run.exit;
      }
      return status->exit.value_or(ExitRecord{});
    }
    if (!state_file) continue;  // it started after the look at the state file
    TRY(RunState run, read_state());
    TRY(std::optional<Fd> monitor, OpenProcess(run.monitor));
    if (monitor) {
      TRY(bool ended, AwaitEnd(*monitor, deadline));
      if (!ended) {
        return Fail(ErrorKind::kTimeout, "container {} still runs", ShortId(id));
      }
    }
    TRY(run, read_state());
    if (run.exit) return *run.exit;
    // The monitor was killed: the next round finds that out and gives the container another.
  }
}

Result<> RemoveStoppedContainer(const Layout& layout, std::string_view id, bool force) {
  auto status = Heal(layout, id);
  if (!status && status.error().kind == ErrorKind::kNotFound) return {};
  if (!status && !force) return Fail(std::move(status).error());
  if (status && status->state == ContainerState::kRunning) {
    if (!force) {
      return Fail(
          MakeError(ErrorKind::kConflict, fmt::format("container {} is running", ShortId(id)))
              .WithHint("stop it first, or use --force"));
    }
    TRY(std::optional<Fd> init, OpenInit(*status));
    if (init) TRY(SendSignal(*init, SIGKILL));
    auto ended = WaitForExit(layout, id, kKillPatienceMs);
    if (!ended && ended.error().kind == ErrorKind::kTimeout) return Fail(std::move(ended).error());
  }
  auto lock = ContainerLock::Acquire(layout, id);
  if (!lock) {
    // An auto-remove container took itself away.
    return lock.error().kind == ErrorKind::kNotFound ? Result<>{} : Fail(std::move(lock).error());
  }
  std::string name;
  std::string cgroup_parent;
  if (auto record = ReadContainer(layout, id)) {
    name = record->name;
    cgroup_parent = record->config.cgroup_parent;
  } else if (auto summary = ReadSummary(layout, id)) {
    name = summary->name;
  }
  if (Exists(layout.RunContainer(id))) TRY(DismantleRun(layout, id, cgroup_parent));
  return RemoveContainer(layout, id, name);
}

}  // namespace hoy::core
