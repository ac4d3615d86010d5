#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/ops/stats_rows.h"
#include "cli/ui/command.h"
#include "cli/ui/format.h"
#include "cli/ui/live_table.h"
#include "core/engine/lifecycle.h"
#include "core/engine/state_rules.h"
#include "core/state/container_record.h"
#include "core/sys/clock.h"

namespace hoy::cli {
namespace {

// Long enough for a share of the processors that means something, short enough to wait for.
constexpr int64_t kWindowNs = 100'000'000;

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * core::kSecond + now.tv_nsec;
}

// SIGINT ends a live display as asked, not as a failure.
class Interrupt {
 public:
  Interrupt() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, &before_);
    fd_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~Interrupt() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // True: it came before the time was there.
  bool WaitUntil(int64_t monotonic_ns) const {
    while (true) {
      int64_t left = monotonic_ns - MonotonicNs();
      if (left <= 0) left = 0;
      timespec time{left / core::kSecond, left % core::kSecond};
      pollfd slot{fd_.get(), POLLIN, 0};
      int ready = ppoll(&slot, 1, &time, nullptr);
      if (ready > 0) {
        // Taken, so that it does not strike when it is let through again.
        signalfd_siginfo taken{};
        (void)!read(fd_.get(), &taken, sizeof taken);
        return true;
      }
      if (ready == 0) return false;
    }
  }

 private:
  Fd fd_;
  sigset_t before_;
};

class StatsCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "stats",
                                        .aliases = "container stats",
                                        .summary = "Show what containers use",
                                        .section = Section::kContainers};
  StatsCommand() : ListCommand(kInfo) {
    OptionalArguments("CONTAINER", &names_, Completes::kContainer);
    Flag("-a,--all", &all_, "also containers that do not run");
    Flag("--no-stream", &once_, "show it once, and end");
    Option("-i,--interval", &interval_, "SECONDS", "time between two looks; 1 when not given");
    Flag("-w,--wide", &wide_, "also peak memory, throttling, OOM kills and pressure");
  }

  Result<int> Run(Context& context) override {
    if (interval_ < 1) return Fail(UsageError("--interval: at least one second"));
    if (all_ && !names_.empty()) {
      return Fail(UsageError("--all and a container exclude each other"));
    }
    for (const std::string& name : names_) {
      TRY(std::string id, core::FindContainer(context.layout, name));
      TRY(core::ContainerStatus status, core::HealUnlessBusy(context.layout, id));
      TRY(bool go, core::Permit(core::Verb::kStats, status.state, name));
      if (!go) continue;
      if (std::ranges::find(wanted_, id) == wanted_.end()) wanted_.push_back(std::move(id));
    }
    // Said before anybody has waited.
    TRY(FormatRows(format_, quiet_, StatsModel(wide_), {}, 0));
    Interrupt interrupt;
    LiveTable screen(context, !once_);
    int64_t next = MonotonicNs();
    while (true) {
      TRY(Refresh(context));
      next += first_ ? kWindowNs : interval_ * core::kSecond;
      if (interrupt.WaitUntil(next)) return 0;
      // A container that came meanwhile has had no window yet: it shows from the next time on.
      std::vector<Json> rows = Look();
      bool gone = !wanted_.empty() && rows.empty();
      if (gone && !first_) return 0;
      TRY(std::string text,
          FormatRows(format_, quiet_, StatsModel(wide_), rows, no_trunc_ ? 0 : screen.Columns()));
      first_ = false;
      TRY(screen.Show(text));
      if (once_ || screen.Lost()) return 0;
    }
  }

 private:
  struct Watched {
    core::ContainerSummary summary;
    std::optional<core::UsageReader> reader;
    core::UsageReader::CpuReading before;
  };

  // Begins a window for those that came, forgets those that went.
  Result<> Refresh(Context& context) {
    std::vector<std::string> ids = wanted_;
    if (wanted_.empty()) {
      TRY(ids, core::ListContainerIds(context.layout));
    }
    std::map<std::string, Watched> kept;
    for (const std::string& id : ids) {
      auto known = watched_.find(id);
      Watched watched;
      if (known != watched_.end()) watched = std::move(known->second);
      if (!watched.reader || !watched.reader->Runs()) {
        watched.reader = core::UsageReader::Open(context.layout, id);
        if (!watched.reader && wanted_.empty() && !all_) continue;
        if (watched.reader) watched.before = watched.reader->ReadCpu();
      }
      // A new name shows, and one that was removed meanwhile is left out.
      auto summary = core::ReadSummary(context.layout, id);
      if (!summary) continue;
      watched.summary = *std::move(summary);
      kept.emplace(id, std::move(watched));
    }
    watched_ = std::move(kept);
    return {};
  }

  std::vector<Json> Look() {
    uint64_t host_memory = core::HostMemoryBytes();
    std::vector<const Watched*> order;
    std::vector<Json> rows;
    for (auto& [id, watched] : watched_) order.push_back(&watched);
    // Named ones as they were named, others newest first, as ps.
    std::ranges::sort(order, [&](const Watched* a, const Watched* b) {
      if (wanted_.empty()) return a->summary.created > b->summary.created;
      return std::ranges::find(wanted_, a->summary.id) < std::ranges::find(wanted_, b->summary.id);
    });
    for (const Watched* each : order) {
      Watched& watched = watched_.at(each->summary.id);
      StatsSample sample{.id = watched.summary.id, .name = watched.summary.name};
      if (watched.reader && watched.reader->Runs()) {
        sample.usage = watched.reader->Read();
        core::UsageReader::CpuReading now{sample.usage->cgroup.cpu_ns, sample.usage->at_ns};
        sample.cpu_percent = core::CpuPercent(watched.before, now);
        watched.before = now;
      } else if (wanted_.empty() && !all_) {
        continue;
      }
      rows.push_back(StatsRow(sample, host_memory, no_trunc_));
    }
    return rows;
  }

  std::vector<std::string> names_;
  bool all_ = false;
  bool once_ = false;
  bool wide_ = false;
  int64_t interval_ = 1;
  bool first_ = true;
  std::vector<std::string> wanted_;  // ids; empty: all
  std::map<std::string, Watched> watched_;
};
HOY_REGISTER_COMMAND(StatsCommand);

}  // namespace
}  // namespace hoy::cli
