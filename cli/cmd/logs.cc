#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/ui/command.h"
#include "core/base/text.h"
#include "core/engine/lifecycle.h"
#include "core/engine/session.h"
#include "core/log/log_reader.h"
#include "core/state/container_record.h"
#include "core/sys/clock.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::cli {
namespace {

// "2026-11-22T13:07:00Z", "1700000000.5", or how long ago: "10m".
Result<core::Timestamp> ParseMoment(std::string_view text) {
  if (text.empty()) return core::Timestamp{0};
  if (text.find('T') != std::string_view::npos) return core::ParseRfc3339(text);
  bool is_number = text.find_first_not_of("0123456789.") == std::string_view::npos;
  auto span = core::ParseDuration(text);
  if (!span) {
    return Fail(ErrorKind::kInvalidArgument, "not a time: '{}' (say 10m, or an RFC 3339 time)",
                text);
  }
  return is_number ? *span : core::Now() - *span;
}

class LogsCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "logs",
                                        .aliases = "container logs",
                                        .summary = "Show what a container has written",
                                        .section = Section::kContainers};
  LogsCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kContainer);
    Flag("-f,--follow", &follow_, "go on until the container has exited; wait for its first start");
    Flag("-t,--timestamps", &timestamps_, "put its time before each line");
    Option("-n,--tail", &tail_, "LINES", "only the last lines, or all");
    Option("--since", &since_, "TIME", "only what was written since: 10m, or an RFC 3339 time");
    Option("--until", &until_, "TIME", "only what was written before");
  }

  Result<int> Run(Context& context) override {
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(since_time_, ParseMoment(since_));
    TRY(until_time_, ParseMoment(until_));
    TRY(core::ContainerStatus status, core::Heal(context.layout, id));
    std::string path = context.layout.Log(id);
    auto opened = core::LogReader::Open(path);
    if (!opened && opened.error().kind == ErrorKind::kNotFound) {
      // Never started: nothing was written.
      if (!follow_) return 0;
      TRY(bool started, AwaitStart(context.layout.Container(id), path));
      if (!started) return 0;
      TRY(status, core::Heal(context.layout, id));
      opened = core::LogReader::Open(path);
    }
    TRY(core::LogReader reader, std::move(opened));
    if (tail_ != "all" && tail_ != "-1") {
      auto lines = ParseInteger<uint64_t>(tail_);
      if (!lines)
        return Fail(UsageError(fmt::format("--tail: not a number of lines: '{}'", tail_)));
      TRY(reader.SeekToTail(*lines));
    } else if (since_time_ > 0) {
      TRY(reader.SeekToTime(since_time_));
    }
    core::LineAssembler lines([&](core::LogStream stream, core::Timestamp time,
                                  std::string_view line) { PrintLine(stream, time, line); });
    TRY(Print(reader, lines));
    if (follow_ && status.state == core::ContainerState::kRunning) {
      TRY(Follow(context, id, path, reader, lines));
    }
    lines.Flush();
    TRY(Emit(STDOUT_FILENO));
    TRY(Emit(STDERR_FILENO));
    return 0;
  }

 private:
  bool Wants(core::Timestamp time) const {
    return time >= since_time_ && (until_time_ == 0 || time <= until_time_);
  }

  // All that is there now.
  Result<> Print(core::LogReader& reader, core::LineAssembler& lines) {
    while (!closed_) {
      TRY(std::optional<core::LogFrame> frame, reader.Next());
      if (!frame) break;
      if (!Wants(frame->time)) continue;
      if (timestamps_) {
        lines.Add(*frame);
      } else {
        // Bytes as they came: nothing to put together, nothing to copy.
        TRY(Emit(frame->stream == core::LogStream::kStdout ? STDERR_FILENO : STDOUT_FILENO));
        std::string& pending = PendingOf(frame->stream);
        pending.append(frame->payload);
      }
      if (out_.size() + err_.size() >= kBatch) TRY(EmitAll());
    }
    return EmitAll();
  }

  std::string& PendingOf(core::LogStream stream) {
    return stream == core::LogStream::kStdout ? out_ : err_;
  }

  void PrintLine(core::LogStream stream, core::Timestamp time, std::string_view line) {
    // The other stream's lines came before this one.
    (void)Emit(stream == core::LogStream::kStdout ? STDERR_FILENO : STDOUT_FILENO);
    std::string& pending = PendingOf(stream);
    if (time != stamped_time_) {
      stamped_time_ = time;
      stamp_ = core::FormatRfc3339(time);
    }
    pending.append(stamp_).append(" ").append(line);
  }

  Result<> Emit(int fd) {
    std::string& pending = fd == STDOUT_FILENO ? out_ : err_;
    if (pending.empty()) return {};
    TRY(bool written, core::WriteOutput(fd, pending));
    if (!written) closed_ = true;
    pending.clear();
    return {};
  }

  Result<> EmitAll() {
    TRY(Emit(STDOUT_FILENO));
    return Emit(STDERR_FILENO);
  }

  // The first start makes the log. False: the container was removed before, or nobody reads us.
  static Result<bool> AwaitStart(const std::string& container, const std::string& path) {
    Fd watch(inotify_init1(IN_CLOEXEC));
    if (!watch) return FailErrno("watch", container);
    // A container is removed by renaming it first.
    constexpr uint32_t kEvents = IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE;
    if (inotify_add_watch(watch.get(), container.c_str(), kEvents) < 0) {
      if (errno == ENOENT) return false;
      return FailErrno("watch", container);
    }
    while (!core::Exists(path)) {
      pollfd slots[2] = {{watch.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
      if (poll(slots, 2, -1) < 0 && errno != EINTR) return FailErrno("poll", container);
      if ((slots[1].revents & (POLLERR | POLLHUP)) != 0) return false;
      alignas(inotify_event) char events[4096];
      if (slots[0].revents != 0 && read(watch.get(), events, sizeof events) < 0) {
        return FailErrno("read", "inotify");
      }
      if (!core::Exists(container)) return false;
    }
    return true;
  }

  // Woken by inotify when the file grows, and by the monitor's end, after which all is written.
  Result<> Follow(Context& context, const std::string& id, const std::string& path,
                  core::LogReader& reader, core::LineAssembler& lines) {
    Fd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch || inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0) {
      return FailErrno("watch", path);
    }
    while (!closed_) {
      auto status = core::Heal(context.layout, id);
      if (!status && status.error().kind != ErrorKind::kNotFound) {
        return Fail(std::move(status).error());
      }
      std::optional<Fd> monitor;
      if (status && status->state == core::ContainerState::kRunning && status->run) {
        TRY(monitor, core::OpenProcess(status->run->monitor));
      }
      TRY(Print(reader, lines));
      if (!monitor) {
        if (!status || status->state != core::ContainerState::kRunning) return {};
        continue;
      }
      bool monitor_ended = false;
      while (!monitor_ended && !closed_) {
        pollfd slots[3] = {
            {monitor->get(), POLLIN, 0}, {watch.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
        if (poll(slots, 3, -1) < 0 && errno != EINTR) return FailErrno("poll", path);
        if ((slots[2].revents & (POLLERR | POLLHUP)) != 0) return {};
        char events[4096];
        while (read(watch.get(), events, sizeof events) > 0) {
        }
        monitor_ended = slots[0].revents != 0;
        TRY(Print(reader, lines));
      }
    }
    return {};
  }

  static constexpr size_t kBatch = 256 * 1024;

  std::string container_;
  bool follow_ = false;
  bool timestamps_ = false;
  std::string tail_ = "all";
  std::string since_;
  std::string until_;
  core::Timestamp since_time_ = 0;
  core::Timestamp until_time_ = 0;

  std::string out_;
  std::string err_;
  bool closed_ = false;  // nobody reads what we write
  core::Timestamp stamped_time_ = -1;
  std::string stamp_;
};
HOY_REGISTER_COMMAND(LogsCommand);

}  // namespace
}  // namespace hoy::cli
