#include <poll.h>

#include <algorithm>

#include "cli/ops/log_match.h"
#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "cli/ui/format.h"
#include "core/engine/wait_condition.h"
#include "core/state/container_record.h"
#include "core/sys/signals.h"

namespace hoy::cli {
namespace {

struct Met {
  core::ExitRecord exit;
  std::string line;  // --log-match
};

std::string_view ReasonOf(const core::ExitRecord& exit) {
  if (!exit.error.empty() || !exit.known) return "runtime_error";
  if (exit.oom_killed && exit.signal != 0) return "oom_killed";
  return exit.signal != 0 ? "signal" : "exited";
}

// One container that is waited for.
struct Item {
  std::string typed;
  std::optional<core::ContainerWaiter> waiter;
  std::optional<LogMatch> log;
  std::optional<Result<Met>> outcome;
};

class WaitCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "wait",
                                        .aliases = "container wait",
                                        .summary = "Wait until containers have exited",
                                        .section = Section::kContainers};
  WaitCommand() : Command(kInfo) {
    using core::WaitCondition;
    Arguments("CONTAINER", &containers_, Completes::kContainer);
    Choice<WaitCondition>("--condition", &condition_,
                          {{"not-running", WaitCondition::kNotRunning},
                           {"stopped", WaitCondition::kNotRunning},
                           {"exited", WaitCondition::kNotRunning},
                           {"next-exit", WaitCondition::kNextExit},
                           {"removed", WaitCondition::kRemoved},
                           {"running", WaitCondition::kRunning},
                           {"healthy", WaitCondition::kHealthy}},
                          "CONDITION", "what to wait for");
    Flag("--any", &any_, "end as soon as it holds for one of them");
    Option("--log-match", &pattern_, "REGEX",
           "wait for a line of its log instead, and print that (POSIX extended syntax)");
    Duration("--timeout", &timeout_, "TIME", "give up after this time, with exit code 124");
    Option("--format", &format_, "FORMAT", "json, or a Go template");
  }

  Result<int> Run(Context& context) override {
    if (pattern_) TRY(CheckPattern(*pattern_));
    if (!format_.empty() && format_ != "json") TRY(Template::Parse(format_));
    std::vector<Item> items;
    for (const std::string& typed : containers_) items.push_back(Begin(context, typed));
    core::Deadline deadline(timeout_ ? *timeout_ / 1'000'000 : -1);
    size_t printed = 0;
    int exit_code = 0;
    while (true) {
      for (Item& item : items) Check(item);
      TRY(bool done, PrintSettled(context, items, printed, exit_code));
      if (done) return exit_code;
      if (!Await(items, deadline)) {
        context.Report(MakeError(ErrorKind::kTimeout, "the time given with --timeout is over"));
        return kExitTimeout;
      }
    }
  }

 private:
  Item Begin(Context& context, const std::string& typed) const {
    Item item{.typed = typed};
    auto begin = [&]() -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, typed));
      if (pattern_) {
        TRY(item.log, LogMatch::Begin(context, id, *pattern_));
      }
      TRY(item.waiter, core::ContainerWaiter::Begin(context.layout, id, condition_));
      return {};
    };
    if (auto begun = begin(); !begun) item.outcome = Fail(Named(item, std::move(begun).error()));
    return item;
  }

  // Once it is removed, nobody knows it by another name than the one that was typed.
  static Error Named(const Item& item, Error error) {
    if (!item.waiter || error.kind != ErrorKind::kNotFound) return error;
    return MakeError(ErrorKind::kNotFound, fmt::format("container '{}' was removed", item.typed));
  }

  static void Check(Item& item) {
    if (item.outcome) return;
    if (item.log) {
      auto line = item.log->Check();
      if (!line) {
        item.outcome = Fail(std::move(line).error());
      } else if (*line) {
        item.outcome = Met{{}, **std::move(line)};
      }
      return;
    }
    auto exit = item.waiter->Check();
    if (!exit) {
      item.outcome = Fail(Named(item, std::move(exit).error()));
    } else if (*exit) {
      item.outcome = Met{**std::move(exit), {}};
    }
  }

  // In the order of the arguments; with --any, whichever came first. True: nothing is left.
  Result<bool> PrintSettled(Context& context, const std::vector<Item>& items, size_t& printed,
                            int& exit_code) const {
    if (any_) {
      for (const Item& item : items) {
        if (!item.outcome || !*item.outcome) continue;
        TRY(Print(context, item, (*item.outcome).value()));
        return true;
      }
      if (!std::ranges::all_of(items, [](const Item& item) { return item.outcome.has_value(); })) {
        return false;
      }
    }
    for (; printed < items.size() && items[printed].outcome; ++printed) {
      const Item& item = items[printed];
      if (*item.outcome) {
        TRY(Print(context, item, item.outcome->value()));
      } else {
        context.Report(item.outcome->error());
        exit_code = std::max(exit_code, ExitCodeOf(item.outcome->error(), false));
      }
      TRY(context.out.Flush());
    }
    return printed == items.size();
  }

  static bool Await(const std::vector<Item>& items, const core::Deadline& deadline) {
    std::vector<pollfd> slots;
    for (const Item& item : items) {
      if (item.outcome) continue;
      if (item.log) {
        slots.push_back({item.log->fd().get(), POLLIN, 0});
        continue;
      }
      std::vector<int> descriptors = item.waiter->Descriptors();
      if (descriptors.empty()) return true;
      for (int fd : descriptors) slots.push_back({fd, POLLIN, 0});
    }
    int ready = poll(slots.data(), slots.size(), deadline.PollTimeout());
    return ready > 0 || !deadline.Passed();
  }

  Result<> Print(Context& context, const Item& item, const Met& met) const {
    const core::ExitRecord& exit = met.exit;
    bool has_exit = !item.log && condition_ != core::WaitCondition::kRunning &&
                    condition_ != core::WaitCondition::kHealthy;
    if (has_exit && !exit.known) {
      context.Warn(
          fmt::format("the exit status of '{}' is unknown: its monitor was lost", item.typed));
    }
    if (format_.empty()) {
      if (item.log) context.out.Print("{}\n", met.line);
      if (has_exit) context.out.Print("{}\n", exit.exit_code);
      return {};
    }
    Json object = {{"name", item.typed}, {"id", item.waiter->id()}};
    if (item.log) object["line"] = met.line;
    if (has_exit) {
      object["exit_code"] = exit.exit_code;
      object["reason"] = ReasonOf(exit);
      object["signal"] = exit.signal == 0 ? "" : core::SignalName(exit.signal);
      object["finished_at"] = core::FormatRfc3339(exit.finished_at);
      object["timed_out"] = exit.timed_out;
      object["error"] = exit.error;
    }
    TRY(std::string text, FormatObject(format_, object));
    context.out.Write(text);
    return {};
  }

  std::vector<std::string> containers_;
  core::WaitCondition condition_ = core::WaitCondition::kNotRunning;
  bool any_ = false;
  std::optional<std::string> pattern_;
  std::optional<int64_t> timeout_;
  std::string format_;
};
HOY_REGISTER_COMMAND(WaitCommand);

}  // namespace
}  // namespace hoy::cli
