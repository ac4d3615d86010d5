#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <memory>

#include "cli/ops/log_printer.h"
#include "cli/ops/log_source.h"
#include "cli/ops/moment.h"
#include "cli/ui/command.h"
#include "core/base/text.h"
#include "core/state/container_record.h"
#include "core/sys/clock.h"

namespace hoy::cli {
namespace {

// What may stand in the query of a URL stays (RFC 3986, 2.3); a blank becomes "+".
std::string QueryEscape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '_' || c == '.' || c == '~';
    if (kept) {
      escaped += c;
    } else if (c == ' ') {
      escaped += '+';
    } else {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

// Away from red, which is for errors, and from what does not show on white or black.
constexpr std::array<std::string_view, 6> kColors = {"36", "33", "32", "35", "34", "96"};

// As docker has them: "tag=web,tier=a+b", in the form of a URL's query.
std::string DetailsText(const core::LogConfig& config) {
  std::string text;
  for (const auto& [name, value] : config.attributes) {
    if (!text.empty()) text += ',';
    text.append(QueryEscape(name)).append("=").append(QueryEscape(value));
  }
  return text;
}

struct Container {
  LogSource source;
  std::unique_ptr<LogPrinter> printer;
  int watch = -1;                       // inotify's number of its directory
  std::deque<LogPrinter::Line> sorted;  // while the past of many is put in order
  bool done = false;
};

class LogsCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "logs",
                                        .aliases = "container logs",
                                        .summary = "Show what containers have written",
                                        .section = Section::kContainers};
  LogsCommand() : Command(kInfo) {
    Arguments("CONTAINER", &names_, Completes::kContainer);
    Flag("-f,--follow", &follow_, "go on until the container has exited; wait for its first start");
    Flag("-t,--timestamps", &style_.timestamps, "put its time before each line");
    Flag("--details", &details_, "put the attributes of --log-opt before each line");
    Option("-n,--tail", &tail_, "LINES", "only the last lines, or all");
    Option("--since", &since_, "TIME", "only what was written since: 10m, or an RFC 3339 time");
    Option("--until", &until_, "TIME", "only what was written before");
    Option("--grep", &grep_, "REGEX", "only lines that match an extended regular expression");
    Flag("--stdout", &only_out_, "only what was written to standard output");
    Flag("--stderr", &only_err_, "only what was written to standard error");
    Flag("--names", &named_, "put the container's name before each line; so it is with many");
  }

  Result<int> Run(Context& context) override {
    TRY(LogSelection selection, Select());
    if (!grep_.empty()) {
      TRY_CONTEXT(LinePattern::Compile(grep_), "--grep");
      TRY(style_.pattern, LinePattern::Compile(grep_));
    }
    if (only_out_ != only_err_) {
      style_.out = only_out_;
      style_.err = only_err_;
    }
    TRY(OpenAll(context, selection));
    if (follow_) TRY(Watch(context));
    for (Container& container : containers_) TRY(container.source.Look());
    TRY(PrintPast());
    while (follow_ && !output_.closed() && !AllDone()) TRY(AwaitMore(selection.until));
    for (Container& container : containers_) {
      TRY(container.printer->Finish());
      TRY(container.printer->TellLoss(container.source.LostUntold()));
    }
    TRY(output_.Flush());
    return 0;
  }

 private:
  Result<LogSelection> Select() const {
    LogSelection selection;
    core::Timestamp now = core::Now();
    if (!since_.empty()) {
      TRY_CONTEXT_SET(selection.since, ParseMoment(since_, now), "--since");
    }
    if (!until_.empty()) {
      TRY_CONTEXT_SET(selection.until, ParseMoment(until_, now), "--until");
    }
    selection.follow = follow_;
    if (tail_ == "all" || tail_ == "-1") return selection;
    selection.tail = ParseInteger<uint64_t>(tail_);
    if (!selection.tail) {
      return Fail(UsageError(fmt::format("--tail: not a number of lines: '{}'", tail_)));
    }
    return selection;
  }

  Result<> OpenAll(Context& context, const LogSelection& selection) {
    std::vector<std::string> names;
    for (const std::string& typed : names_) {
      TRY(std::string id, core::FindContainer(context.layout, typed));
      bool twice = std::ranges::any_of(
          containers_, [&](const Container& other) { return other.source.id() == id; });
      if (twice) continue;
      TRY(core::ContainerSummary summary, core::ReadSummary(context.layout, id));
      names.push_back(summary.name);
      TRY(LogSource source, LogSource::Open(context.layout, id, selection));
      containers_.push_back({.source = std::move(source)});
    }
    size_t width = 0;
    for (const std::string& name : names) width = std::max(width, name.size());
    for (size_t i = 0; i < containers_.size(); ++i) {
      LogStyle style = style_;
      if (details_) style.details = DetailsText(containers_[i].source.config());
      if (named_.value_or(containers_.size() > 1)) {
        std::string text = fmt::format("{:<{}} | ", names[i], width);
        for (int which : {0, 1}) {
          bool colored = which == 0 ? context.ColorOnStdout() : context.ColorOnStderr();
          style.prefix[which] =
              colored ? fmt::format("\x1b[{}m{}\x1b[0m", kColors[i % kColors.size()], text) : text;
        }
      }
      containers_[i].printer = std::make_unique<LogPrinter>(output_, std::move(style), names[i]);
    }
    return {};
  }

  // Before the first look, so that nothing happens unseen in between.
  Result<> Watch(Context& context) {
    watches_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watches_) return FailErrno("watch", "logs");
    // A container is removed by renaming it first; a restart lets go of its note.
    constexpr uint32_t kEvents = IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO |
                                 IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF;
    for (Container& container : containers_) {
      std::string directory = context.layout.Container(container.source.id());
      container.watch = inotify_add_watch(watches_.get(), directory.c_str(), kEvents);
      if (container.watch >= 0 || errno == ENOENT) continue;  // Look says what became of it
      Error error = SystemError("watch", directory, errno);
      if (errno == ENOSPC) error = std::move(error).WithHint("raise fs.inotify.max_user_watches");
      return Fail(std::move(error));
    }
    return {};
  }

  // All that is there now, of many in the order in which it was written.
  Result<> PrintPast() {
    if (containers_.size() == 1) return Print(containers_[0]);
    for (Container& container : containers_) {
      container.printer->Divert(
          [&container](LogPrinter::Line line) { container.sorted.push_back(std::move(line)); });
    }
    while (!output_.closed()) {
      Container* first = nullptr;
      for (Container& container : containers_) {
        while (container.sorted.empty()) {
          TRY(std::optional<core::LogFrame> frame, container.source.Next());
          if (container.source.TakeGap()) TRY(container.printer->TellGap());
          if (!frame) break;
          TRY(container.printer->Add(*frame));
        }
        if (container.sorted.empty()) continue;
        if (first == nullptr || container.sorted.front().time < first->sorted.front().time) {
          first = &container;
        }
      }
      if (first == nullptr) break;
      LogPrinter::Line line = std::move(first->sorted.front());
      first->sorted.pop_front();
      TRY(first->printer->PrintLine(line.stream, line.time, line.text));
    }
    for (Container& container : containers_) {
      container.printer->Divert(nullptr);
      container.done = container.source.over();
    }
    return output_.Flush();
  }

  Result<> Print(Container& container) {
    while (!output_.closed()) {
      TRY(std::optional<core::LogFrame> frame, container.source.Next());
      if (container.source.TakeGap()) TRY(container.printer->TellGap());
      if (!frame) break;
      TRY(container.printer->Add(*frame));
    }
    // What was written before it was over was written before we looked, and has been read now.
    container.done = container.source.over();
    return output_.Flush();
  }

  bool AllDone() const {
    return std::ranges::all_of(containers_, [](const Container& one) { return one.done; });
  }

  // Woken by inotify when a log grows, and by a monitor's end.
  Result<> AwaitMore(core::Timestamp until) {
    std::vector<pollfd> slots = {{watches_.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    int wait_ms = -1;
    for (const Container& container : containers_) {
      BorrowedFd change = container.done ? BorrowedFd(-1) : container.source.change();
      slots.push_back({change.get(), POLLIN, 0});
      BorrowedFd input = container.done ? BorrowedFd(-1) : container.source.input();
      slots.push_back({input.get(), POLLIN, 0});
      if (!container.done && container.source.unsettled()) wait_ms = 0;
    }
    bool too_late = until != 0 && core::Now() > until;
    if (until != 0 && wait_ms != 0) {
      core::Timestamp left_ms = (until - core::Now()) / 1'000'000 + 1;
      wait_ms = static_cast<int>(
          std::clamp<core::Timestamp>(left_ms, 0, std::numeric_limits<int>::max()));
    }
    if (poll(slots.data(), slots.size(), wait_ms) < 0 && errno != EINTR) {
      return FailErrno("poll", "logs");
    }
    std::vector<int> woken;
    if (slots[0].revents != 0) woken = TakeEvents();
    for (size_t i = 0; i < containers_.size(); ++i) {
      Container& container = containers_[i];
      if (container.done) continue;
      bool touched = std::ranges::find(woken, container.watch) != woken.end();
      // Without a monitor to tell, each event may be the start of one, or the container's end.
      bool look = slots[2 + 2 * i].revents != 0 || container.source.unsettled() ||
                  (touched && container.source.change().get() < 0);
      if (look) TRY(container.source.Look());
      if (look || touched || slots[3 + 2 * i].revents != 0) TRY(Print(container));
      if (too_late) container.done = true;
    }
    // Nobody reads us any more.
    if ((slots[1].revents & (POLLERR | POLLHUP)) != 0) {
      for (Container& container : containers_) container.done = true;
    }
    return {};
  }

  std::vector<int> TakeEvents() const {
    std::vector<int> woken;
    alignas(inotify_event) std::array<char, 4096> buffer;
    ssize_t count = 0;
    while ((count = read(watches_.get(), buffer.data(), buffer.size())) > 0) {
      for (ssize_t at = 0; at < count;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        at += static_cast<ssize_t>(sizeof *event + event->len);
        if ((event->mask & IN_Q_OVERFLOW) != 0) {
          for (const Container& container : containers_) woken.push_back(container.watch);
        }
        woken.push_back(event->wd);
      }
    }
    return woken;
  }

  std::vector<std::string> names_;
  bool follow_ = false;
  bool details_ = false;
  bool only_out_ = false;
  bool only_err_ = false;
  std::optional<bool> named_;
  std::string tail_ = "all";
  std::string since_;
  std::string until_;
  std::string grep_;
  LogStyle style_;

  LogOutput output_;
  std::vector<Container> containers_;
  Fd watches_;
};
HOY_REGISTER_COMMAND(LogsCommand);

}  // namespace
}  // namespace hoy::cli
