#pragma once
// Waiting for many containers and other conditions at once. Wakes by inotify and pidfds only.
//
// What is watched, so that nothing is missed between two looks: the container's directory in DATA
// (exit.json, restart.json, its own removal), RUN/containers (a run directory comes or goes), its
// run directory (state.json appears, and grows by the exit; health.json), and the end of its
// monitor.

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/engine/lifecycle.h"
#include "core/engine/wait.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"
#include "core/sys/process.h"

namespace hoy::core {

enum class WaitCondition {
  kNotRunning,  // at once when it does not run; otherwise the end of this run
  kNextExit,    // the end of the run that there is, or of the next one
  kRemoved,     // with the exit record of its last run, as far as it was seen
  kRunning,
  kHealthy,  // by its health check; kConflict: it has none, or does not run any more
};

class ContainerWaiter {
 public:
  // Begins to watch. kNotFound: there is no such container.
  static Result<ContainerWaiter> Begin(const Layout& layout, std::string id,
                                       WaitCondition condition);

  // Looks. The record of the run that ended (kRunning, kHealthy: an empty one) when the condition
  // holds. kNotFound: the container was removed, so that it will never hold.
  Result<std::optional<ExitRecord>> Check();
  // What to poll before the next look: POLLIN on each. Empty: look again at once.
  std::vector<int> Descriptors() const;

  const std::string& id() const { return id_; }

 private:
  ContainerWaiter(const Layout& layout, std::string id, WaitCondition condition)
      : layout_(&layout), id_(std::move(id)), condition_(condition) {}
  Result<> Watch();
  void WatchRun();
  Result<> RequireHealthCheck();
  Result<bool> IsHealthy(const ContainerStatus& status) const;
  Result<> HoldRun(Fd state_file);
  std::optional<ExitRecord> ExitOfHeldRun() const;
  Result<std::optional<ExitRecord>> EndOfRun() const;

  const Layout* layout_;
  std::string id_;
  WaitCondition condition_;
  ContainerSummary summary_;  // kHealthy
  Fd watch_;
  Fd state_file_;             // of the run that is waited for
  std::optional<Fd> change_;  // OpenChangeFd
  bool unsettled_ = false;
  std::optional<ExitRecord> seen_;  // how the last run that was seen ended
  Timestamp before_started_ = 0;    // kNextExit: of the run that had ended already
  Timestamp before_finished_ = 0;
};

}  // namespace hoy::core
