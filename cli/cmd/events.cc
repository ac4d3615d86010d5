#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "cli/ops/event_text.h"
#include "cli/ops/moment.h"
#include "cli/ui/command.h"
#include "cli/ui/format.h"
#include "cli/ui/template.h"

namespace hoy::cli {
namespace {

class EventsCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "events",
      .aliases = "system events",
      .summary = "Show what happens to containers, images, networks and volumes",
      .section = Section::kSystem};
  EventsCommand() : Command(kInfo) {
    Option("-f,--filter", &filters_text_, "KEY=VALUE",
           "only those that match: container, event, image, label, network, type, volume");
    Option("--format", &format_, "FORMAT", "json, or a Go template");
    Option("--since", &since_text_, "TIME",
           "also those since then: 10m, an RFC 3339 time, or seconds since 1970");
    Option("--until", &until_text_, "TIME", "end then");
    Flag("--stream", &stream_, "wait for new ones; --stream=false ends with what is there");
  }

  Result<int> Run(Context& context) override {
    TRY(filters_, Filters::Parse(filters_text_, {"container", "event", "image", "label", "network",
                                                 "type", "volume"}));
    core::Timestamp now = core::Now();
    bool has_bounds = since_text_ || until_text_ || !stream_;
    TRY(since_, ParseBound("--since", since_text_, now, has_bounds ? 0 : now));
    TRY(until_, ParseBound("--until", until_text_, now, INT64_MAX));
    if (until_ < since_) return Fail(UsageError("--until is before --since"));
    std::optional<Template> pattern;
    if (!format_.empty() && format_ != "json") {
      TRY(pattern, Template::Parse(format_));
    }
    core::EventReader reader(context.layout);
    bool follows = stream_ && until_ > now;
    if (follows) TRY(reader.Watch());
    uint64_t missed = 0;
    while (true) {
      TRY(std::vector<core::Event> events, reader.Read());
      TRY(Print(context, events, pattern));
      if (reader.missed() > missed) {
        missed = reader.missed();
        context.Warn("some events were dropped before they could be shown");
      }
      TRY(context.out.Flush());
      if (!follows) return 0;
      TRY(bool more, AwaitMore(reader));
      if (!more) follows = false;  // one last look
      if (reader_is_gone_) return 0;
    }
  }

 private:
  Result<core::Timestamp> ParseBound(std::string_view flag, const std::optional<std::string>& text,
                                     core::Timestamp now, core::Timestamp otherwise) const {
    if (!text) return otherwise;
    auto moment = ParseMoment(*text, now);
    if (!moment) return Fail(UsageError(fmt::format("{}: not a time: '{}'", flag, *text)));
    return moment;
  }

  Result<> Print(Context& context, const std::vector<core::Event>& events,
                 const std::optional<Template>& pattern) const {
    for (const core::Event& event : events) {
      if (event.time < since_ || event.time > until_ || !EventMatches(event, filters_)) continue;
      if (format_.empty()) {
        PrintData(context, EventText(event));
        continue;
      }
      if (!pattern) {
        context.out.Print("{}\n", CompactJson(EventJson(event)));
        continue;
      }
      TRY(std::string text, pattern->Render(EventFields(event), EventJson(event)));
      PrintData(context, text + "\n");
    }
    return {};
  }

  // False: the time is over, or nobody reads what we write.
  Result<bool> AwaitMore(const core::EventReader& reader) {
    while (true) {
      int wait_ms = -1;
      if (until_ != INT64_MAX) {
        int64_t left = (until_ - core::Now()) / 1'000'000 + 1;
        if (left <= 0) return false;
        wait_ms = static_cast<int>(std::min<int64_t>(left, 1 << 30));
      }
      pollfd slots[2] = {{reader.watch().get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
      int ready = poll(slots, 2, wait_ms);
      if (ready < 0 && errno != EINTR) return FailErrno("poll", "events");
      if (ready <= 0) continue;
      reader_is_gone_ = (slots[1].revents & (POLLERR | POLLHUP)) != 0;
      return true;
    }
  }

  std::vector<std::string> filters_text_;
  std::string format_;
  std::optional<std::string> since_text_;
  std::optional<std::string> until_text_;
  bool stream_ = true;
  Filters filters_;
  core::Timestamp since_ = 0;
  core::Timestamp until_ = INT64_MAX;
  bool reader_is_gone_ = false;
};
HOY_REGISTER_COMMAND(EventsCommand);

}  // namespace
}  // namespace hoy::cli
