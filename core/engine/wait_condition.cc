#include "core/engine/wait_condition.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "core/base/fail_point.h"
#include "core/engine/health.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

Result<RunState> ReadHeld(BorrowedFd file) {
  if (lseek(file.get(), 0, SEEK_SET) < 0) return FailErrno("seek", "state.json");
  TRY(std::string text, ReadAll(file, "state.json"));
  return DecodeRunState(text);
}

}  // namespace

Result<ContainerWaiter> ContainerWaiter::Begin(const Layout& layout, std::string id,
                                               WaitCondition condition) {
  ContainerWaiter waiter(layout, std::move(id), condition);
  TRY(waiter.Watch());
  if (condition == WaitCondition::kHealthy) TRY(waiter.RequireHealthCheck());
  if (condition != WaitCondition::kNextExit) return waiter;
  // What has ended already does not count. A start that failed has no start time.
  TRY(ContainerStatus status, Heal(layout, waiter.id_));
  if (!status.IsUp() && status.exit) {
    waiter.before_started_ = status.exit->started_at;
    waiter.before_finished_ = status.exit->finished_at;
  }
  return waiter;
}

Result<> ContainerWaiter::Watch() {
  watch_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch_) return FailErrno("inotify", "init");
  std::string directory = layout_->Container(id_);
  if (inotify_add_watch(watch_.get(), directory.c_str(),
                        IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF | IN_DELETE_SELF) < 0) {
    if (errno == ENOENT) return Fail(ErrorKind::kNotFound, "no such container: {}", id_);
    return FailErrno("watch", directory);
  }
  if (inotify_add_watch(watch_.get(), layout_->RunContainers().c_str(), IN_CREATE | IN_DELETE) <
          0 &&
      errno != ENOENT) {
    return FailErrno("watch", layout_->RunContainers());
  }
  return {};
}

Result<> ContainerWaiter::RequireHealthCheck() {
  TRY(summary_, ReadSummary(*layout_, id_));
  if (summary_.has_health_check) return {};
  return Fail(ErrorKind::kConflict, "container {} has no health check", summary_.name);
}

// Whether it is healthy. One that has ended for good is not going to be.
Result<bool> ContainerWaiter::IsHealthy(const ContainerStatus& status) const {
  if (status.IsDown() && status.state != ContainerState::kCreated) {
    return Fail(ErrorKind::kConflict, "container {} has ended before it was healthy",
                summary_.name);
  }
  auto health = ObserveHealth(*layout_, summary_, status);
  return status.IsUp() && health && health->status == HealthStatus::kHealthy;
}

// The run directory comes and goes; the same watch twice is one.
void ContainerWaiter::WatchRun() {
  inotify_add_watch(watch_.get(), layout_->RunContainer(id_).c_str(), IN_MOVED_TO | IN_MODIFY);
}

std::optional<ExitRecord> ContainerWaiter::ExitOfHeldRun() const {
  if (!state_file_) return std::nullopt;
  auto run = ReadHeld(state_file_);
  return run ? run->exit : std::nullopt;
}

// Another file may be another run, or the same one with a new monitor, which has a new file.
Result<> ContainerWaiter::HoldRun(Fd state_file) {
  if (!state_file) return {};
  struct stat held{};
  struct stat now{};
  if (state_file_ && fstat(state_file_.get(), &held) == 0 && fstat(state_file.get(), &now) == 0 &&
      held.st_ino == now.st_ino) {
    return {};
  }
  if (auto exit = ExitOfHeldRun()) seen_ = std::move(exit);
  state_file_ = std::move(state_file);
  return {};
}

// An end that is final, with the clean-up done.
Result<std::optional<ExitRecord>> ContainerWaiter::EndOfRun() const {
  auto exit = WaitForExit(*layout_, id_);
  if (exit) return std::optional<ExitRecord>(*std::move(exit));
  // An auto-remove container may be gone since we looked.
  if (exit.error().kind == ErrorKind::kNotFound && seen_) return seen_;
  return Fail(std::move(exit).error());
}

Result<std::optional<ExitRecord>> ContainerWaiter::Check() {
  std::array<char, 4096> events;
  while (read(watch_.get(), events.data(), events.size()) > 0) {
  }
  change_.reset();
  WatchRun();
  Fd state_file;
  auto status = Heal(*layout_, id_, &state_file);
  TRY(HoldRun(std::move(state_file)));
  if (auto exit = ExitOfHeldRun()) seen_ = std::move(exit);
  if (!status && status.error().kind != ErrorKind::kNotFound)
    return Fail(std::move(status).error());
  if (status && !status->IsUp() && status->exit) {
    bool is_better = !seen_ || !seen_->known || status->exit->known;
    if (is_better) seen_ = status->exit;
  }
  if (!status) {
    bool wants_exit =
        condition_ == WaitCondition::kNotRunning || condition_ == WaitCondition::kNextExit;
    if (condition_ == WaitCondition::kRemoved) return seen_.value_or(ExitRecord{});
    bool is_new =
        seen_ && (seen_->started_at != before_started_ || seen_->finished_at != before_finished_);
    if (wants_exit && is_new) return seen_;
    return Fail(std::move(status).error());
  }
  switch (condition_) {
    case WaitCondition::kRemoved: break;
    case WaitCondition::kRunning:
      if (IsUp(status->state)) return ExitRecord{};
      break;
    case WaitCondition::kHealthy: {
      TRY(bool healthy, IsHealthy(*status));
      if (healthy) return ExitRecord{};
      break;
    }
    case WaitCondition::kNotRunning:
      if (status->IsUp()) break;
      return EndOfRun();
    case WaitCondition::kNextExit:
      if (seen_ &&
          (seen_->started_at != before_started_ || seen_->finished_at != before_finished_)) {
        return seen_;
      }
      break;
  }
  FailPoint(kWaitFailPoint);
  TRY(change_, OpenChangeFd(*status));
  // Its monitor has ended since we looked, and nothing may tell of that any more.
  unsettled_ = !change_ && (status->IsUp() || status->state == ContainerState::kRestarting);
  return std::nullopt;
}

std::vector<int> ContainerWaiter::Descriptors() const {
  if (unsettled_) return {};
  std::vector<int> descriptors = {watch_.get()};
  if (change_) descriptors.push_back(change_->get());
  return descriptors;
}

}  // namespace hoy::core
