#include <algorithm>
#include <optional>

#include "cli/ops/container_size.h"
#include "cli/ops/container_status.h"
#include "cli/ui/filter.h"
#include "cli/ui/format.h"
#include "core/base/text.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "oci/image/image_store.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

struct Listed {
  core::ContainerSummary summary;
  core::ContainerStatus status;
};

class PsCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "ps",
                                        .aliases = "container ls, container list, container ps",
                                        .summary = "List containers",
                                        .section = Section::kContainers};
  PsCommand() : ListCommand(kInfo) {
    Flag("-a,--all", &all_, "also those that do not run");
    Option(
        "-f,--filter", &filters_text_, "KEY=VALUE",
        "only those that match: id, name, label, exited, status, ancestor, before, since, volume, "
        "until, command");
    Option("-n,--last", &last_, "N", "the last N that were created, in any state");
    Flag("-s,--size", &size_, "also what each has written; walks its files");
    Flag("-l,--latest", &latest_, "the last one that was created, in any state");
  }

  Result<int> Run(Context& context) override {
    TRY(filters_,
        Filters::Parse(filters_text_, {"id", "name", "label", "exited", "status", "ancestor",
                                       "before", "since", "volume", "until", "command"}));
    if (latest_) last_ = 1;
    bool wants_size = size_ || FormatShows("Size");
    TRY(std::vector<Listed> containers, Load(context));
    now_ = core::Now();
    TRY(before_, CreationOf(context, "before"));
    TRY(since_, CreationOf(context, "since"));
    TRY(CheckUntil());
    std::vector<Json> rows;
    for (const Listed& container : containers) {
      if (last_ > 0 && static_cast<int64_t>(rows.size()) == last_) break;
      TRY(bool wanted, Wants(context, container));
      if (!wanted) continue;
      rows.push_back(RowOf(container));
      if (wants_size) rows.back()["Size"] = SizeOf(context, container.summary);
    }
    std::vector<Column> columns = {{"ID", "CONTAINER ID"}, {"Image", "IMAGE", true},
                                   {"Command", "COMMAND"}, {"RunningFor", "CREATED"},
                                   {"Status", "STATUS"},   {"Ports", "PORTS"},
                                   {"Names", "NAMES"}};
    if (size_) columns.push_back({"Size", "SIZE"});
    return PrintRows(
        context,
        {.columns = std::move(columns),
         .more = {{"CreatedAt", "CREATED AT"}, {"State", "STATE"}, {"Labels", "LABELS"}},
         .quiet_field = "ID"},
        rows);
  }

 private:
  // Newest first. A container that is removed meanwhile is left out; one that cannot be read is
  // reported and does not hide the others.
  Result<std::vector<Listed>> Load(Context& context) {
    TRY(std::vector<std::string> ids, core::ListContainerIds(context.layout));
    std::vector<Listed> containers;
    for (const std::string& id : ids) {
      auto status = core::Observe(context.layout, id);
      if (status && status->needs_healing) {
        // No rights to mend it is no reason not to list it.
        auto healed = core::Heal(context.layout, id);
        if (!healed && healed.error().kind == ErrorKind::kNotFound) continue;
        if (healed) status = std::move(healed);
      }
      auto summary = core::ReadSummary(context.layout, id);
      if (!summary || !status) {
        const Error& error = !summary ? summary.error() : status.error();
        if (error.kind != ErrorKind::kNotFound) context.Report(error);
        continue;
      }
      containers.push_back({*std::move(summary), *std::move(status)});
    }
    std::ranges::sort(containers, std::ranges::greater{},
                      [](const Listed& one) { return one.summary.created; });
    return containers;
  }

  Result<std::optional<core::Timestamp>> CreationOf(Context& context, std::string_view key) {
    auto values = filters_.Values(key);
    if (values.empty()) return std::nullopt;
    TRY(std::string id, core::FindContainer(context.layout, values.back()));
    TRY(core::ContainerSummary summary, core::ReadSummary(context.layout, id));
    return summary.created;
  }

  Result<> CheckUntil() {
    for (const std::string& value : filters_.Values("until")) {
      auto moment = core::ParseRfc3339(value);
      auto span = core::ParseDuration(value);
      if (!moment && !span)
        return Fail(UsageError(fmt::format("--filter until: not a time: '{}'", value)));
      until_ = moment ? *moment : now_ - *span;
    }
    return {};
  }

  static bool LabelMatches(const core::StringPairs& labels, std::string_view wanted) {
    auto [key, value] = CutAt(wanted, '=');
    return std::ranges::any_of(labels, [key, value](const auto& label) {
      return label.first == key && (!value || label.second == *value);
    });
  }

  static bool ImageMatches(const core::ContainerSummary& summary, std::string_view wanted) {
    if (summary.image == wanted || (IsHex(wanted) && summary.image_id.starts_with(wanted)))
      return true;
    auto ours = oci::Reference::Parse(summary.image);
    auto theirs = oci::Reference::Parse(std::string(wanted));
    if (!ours || !theirs || ours->Name() != theirs->Name()) return false;
    return theirs->tag().empty() || ours->tag() == theirs->tag();
  }

  Result<bool> Wants(Context& context, const Listed& container) const {
    const auto& [summary, status] = container;
    bool any_state = all_ || last_ > 0 || !filters_.Values("status").empty() ||
                     !filters_.Values("exited").empty();
    if (!any_state && status.state != core::ContainerState::kRunning) return false;
    if (before_ && summary.created >= *before_) return false;
    if (since_ && summary.created <= *since_) return false;
    if (until_ && summary.created >= *until_) return false;
    bool matches = filters_.Match("id", [&](std::string_view v) {
      return summary.id.starts_with(v);
    }) && filters_.Match("name", [&](std::string_view v) {
      return summary.name.find(v) != std::string::npos;
    }) && filters_.Match("label", [&](std::string_view v) {
      return LabelMatches(summary.labels, v);
    }) && filters_.Match("status", [&](std::string_view v) {
      return core::ToString(status.state) == v;
    }) && filters_.Match("ancestor", [&](std::string_view v) {
      return ImageMatches(summary, v);
    }) && filters_.Match("exited", [&](std::string_view v) {
      return status.state == core::ContainerState::kExited && status.exit &&
             std::to_string(status.exit->exit_code) == v;
    }) && filters_.Match("command", [&](std::string_view v) {
      return !summary.command.empty() && summary.command[0].find(v) != std::string::npos;
    });
    if (!matches || filters_.Values("volume").empty()) return matches;
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, summary.id));
    return filters_.Match("volume", [&](std::string_view v) {
      return std::ranges::any_of(record.config.mounts, [&](const core::Mount& mount) {
        return mount.from_user && (mount.source == v || mount.target == v);
      });
    });
  }

  Json RowOf(const Listed& container) const {
    const auto& [summary, status] = container;
    std::string labels;
    for (const auto& [key, value] : summary.labels) {
      labels += (labels.empty() ? "" : ",") + key + "=" + value;
    }
    return {{"Command", CommandText(summary.command, no_trunc_)},
            {"CreatedAt", DateText(summary.created)},
            {"ID", no_trunc_ ? summary.id : std::string(core::ShortId(summary.id))},
            {"Image", summary.image},
            {"Labels", labels},
            {"Names", summary.name},
            {"Ports", ""},
            {"RunningFor", core::HumanDuration(now_ - summary.created) + " ago"},
            {"State", core::ToString(status.state)},
            {"Status", StatusText(status, now_)}};
  }

  // "1.2kB (virtual 4.3MB)", as docker: with and without the image below it.
  static std::string SizeOf(Context& context, const core::ContainerSummary& summary) {
    auto written = WrittenBytes(context.layout.Container(summary.id) + "/upper");
    if (!written) return "--";
    auto image = oci::ImageStore(context.layout).Resolve("sha256:" + summary.image_id);
    int64_t whole = *written + (image ? image->record.size : 0);
    return fmt::format("{} (virtual {})", FormatByteSize(static_cast<uint64_t>(*written), 3),
                       FormatByteSize(static_cast<uint64_t>(whole), 3));
  }

  bool all_ = false;
  bool size_ = false;
  std::vector<std::string> filters_text_;
  int64_t last_ = 0;
  bool latest_ = false;
  Filters filters_;
  core::Timestamp now_ = 0;
  std::optional<core::Timestamp> before_;
  std::optional<core::Timestamp> since_;
  std::optional<core::Timestamp> until_;
};
HOY_REGISTER_COMMAND(PsCommand);

}  // namespace
}  // namespace hoy::cli
