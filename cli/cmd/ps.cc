#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "cli/ops/container_filters.h"
#include "cli/ops/container_size.h"
#include "cli/ops/container_status.h"
#include "cli/ops/network_options.h"
#include "cli/ui/exit_code.h"
#include "cli/ui/format.h"
#include "cli/ui/table.h"
#include "core/base/text.h"
#include "core/engine/health.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"
#include "net/attach/network_status.h"
#include "oci/image/image_store.h"

namespace hoy::cli {
namespace {

struct Listed {
  core::ContainerSummary summary;
  core::ContainerStatus status;
  core::HealthStatus health = core::HealthStatus::kNone;
  std::optional<int64_t> written;  // bytes, when the size is shown
};

class PsCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "ps",
                                        .aliases = "container ls, container list, container ps",
                                        .summary = "List containers",
                                        .section = Section::kContainers};
  PsCommand() : ListCommand(kInfo) {
    Flag("-a,--all", &all_, "also those that do not run");
    Option("-f,--filter", &filters_text_, "KEY=VALUE",
           "only those that match: id, name, label, exited, status, ancestor, before, since, "
           "volume, network, publish, expose, health, until, command, is-task");
    Option("-n,--last", &last_, "N", "the last N that were created, in any state");
    Flag("-s,--size", &size_, "also what each has written; walks its files");
    Flag("-l,--latest", &latest_, "the last one that was created, in any state");
    Choice("--sort", &sort_,
           {"command", "created", "id", "image", "names", "runningfor", "size", "status"}, "KEY",
           "order; newest first when not given");
    Option("-w,--watch", &watch_, "SECONDS", "show it again and again until interrupted");
  }

  Result<int> Run(Context& context) override {
    if (watch_ && *watch_ <= 0) return Fail(UsageError("--watch: wants a number of seconds"));
    while (true) {
      exit_code_ = 0;
      TRY(List(context));
      if (!watch_) return exit_code_;
      TRY(context.out.Flush());
      TRY(bool goes_on, Rest());
      if (!goes_on) return exit_code_;
      if (context.terminal.stdout_is_terminal) context.out.Write("\033[H\033[2J\033[3J");
    }
  }

 private:
  Result<int> List(Context& context) {
    now_ = core::Now();
    images_.clear();
    TRY(ContainerFilters filters, ContainerFilters::Parse(context.layout, filters_text_, now_));
    int64_t last = latest_ ? 1 : last_;
    bool any_state = all_ || last > 0 || filters.WantsAnyState();
    bool wants_size = size_ || sort_ == "size" || FormatShows("Size");
    bool wants_record =
        FormatShowsAll() || std::ranges::any_of(kRecordFields, [this](std::string_view field) {
          return FormatShows(field);
        });
    TRY(std::vector<Listed> all, Load(context));
    std::vector<Listed> chosen;
    for (Listed& container : all) {
      if (last > 0 && static_cast<int64_t>(chosen.size()) == last) break;
      const auto& [summary, status, health, written] = container;
      bool is_down = status.IsDown() || status.state == core::ContainerState::kRemoving;
      if (!any_state && is_down) continue;
      auto matches = filters.Match(context.layout, summary, status, health);
      if (!matches && matches.error().kind == ErrorKind::kNotFound) continue;  // removed meanwhile
      if (!matches) return Fail(std::move(matches).error());
      if (!*matches) continue;
      if (wants_size) {
        auto bytes = WrittenBytes(context.layout.Container(summary.id) + "/upper");
        if (bytes) container.written = *bytes;
      }
      chosen.push_back(std::move(container));
    }
    Sort(chosen);
    std::vector<Json> rows;
    for (const Listed& container : chosen) {
      rows.push_back(RowOf(container));
      if (!quiet_ || !format_.empty()) rows.back()["Image"] = ImageOf(context, container.summary);
      if (wants_size) rows.back()["Size"] = SizeOf(context, container);
      if (!quiet_ && container.status.IsUp())
        rows.back()["Ports"] = PortsOf(context, container.summary.id);
      if (wants_record) AddFromRecord(context, container.summary, rows.back());
    }
    ListModel model = {.columns = {{"ID", "CONTAINER ID"},
                                   {"Image", "IMAGE", true},
                                   {"Command", "COMMAND"},
                                   {"RunningFor", "CREATED"},
                                   {"Status", "STATUS"},
                                   {"Ports", "PORTS"},
                                   {"Names", "NAMES"}},
                       .more = {{"CreatedAt", "CREATED AT"},
                                {"State", "STATE"},
                                {"Labels", "LABELS"},
                                {"LocalVolumes", "LOCAL VOLUMES"},
                                {"Mounts", "MOUNTS"},
                                {"Networks", "NETWORKS"},
                                {"Platform", "PLATFORM"}},
                       .quiet_field = "ID"};
    if (size_) model.columns.push_back({"Size", "SIZE"});
    if (rows.empty()) TRY(CheckFields(model));
    return PrintRows(context, model, rows);
  }

  // As docker: a field that is not there is an error even when there is nothing to list.
  Result<> CheckFields(const ListModel& model) const {
    const Json rows[] = {RowOf(Listed())};
    auto text = FormatRows(format_, quiet_, model, rows, 0);
    if (!text && !text.error().subject.empty()) return Fail(std::move(text).error());
    return {};
  }

  // Newest first. A container that is removed meanwhile is left out; one that cannot be read is
  // reported, does not hide the others, and the list is known to be incomplete.
  Result<std::vector<Listed>> Load(Context& context) {
    auto runs = core::ListDirectory(context.layout.RunContainers());
    TRY(std::vector<std::string> ids, core::ListContainerIds(context.layout));
    std::vector<Listed> containers;
    containers.reserve(ids.size());
    for (const std::string& id : ids) {
      bool has_run = !runs || std::ranges::binary_search(*runs, id);
      auto status = core::ObserveListed(context.layout, id, has_run);
      if (status && status->needs_healing) {
        // No rights to mend it is no reason not to list it.
        auto healed = core::HealUnlessBusy(context.layout, id);
        if (!healed && healed.error().kind == ErrorKind::kNotFound) continue;
        if (healed) status = std::move(healed);
      }
      auto summary = core::ReadSummary(context.layout, id);
      if (!summary || !status) {
        const Error& error = !summary ? summary.error() : status.error();
        bool is_gone = error.kind == ErrorKind::kNotFound || error.system_errno == ENOENT;
        if (is_gone) continue;
        context.Report(error);
        exit_code_ = std::max(exit_code_, ExitCodeOf(error, false));
        continue;
      }
      core::HealthStatus health = core::HealthStatus::kNone;
      if (auto known = core::ObserveHealth(context.layout, *summary, *status)) {
        health = known->status;
      }
      containers.push_back({*std::move(summary), *std::move(status), health, std::nullopt});
    }
    for (core::ContainerSummary& summary : core::ListRemoving(context.layout)) {
      core::ContainerStatus status;
      status.state = core::ContainerState::kRemoving;
      containers.push_back(
          {std::move(summary), std::move(status), core::HealthStatus::kNone, std::nullopt});
    }
    std::ranges::sort(containers, std::ranges::greater{},
                      [](const Listed& one) { return one.summary.created; });
    return containers;
  }

  void Sort(std::vector<Listed>& containers) const {
    auto by = [&](auto key) { std::ranges::stable_sort(containers, {}, key); };
    if (sort_ == "command") by([](const Listed& one) { return one.summary.command; });
    if (sort_ == "created") by([](const Listed& one) { return one.summary.created; });
    if (sort_ == "id") by([](const Listed& one) { return one.summary.id; });
    if (sort_ == "image") by([](const Listed& one) { return one.summary.image; });
    if (sort_ == "names") by([](const Listed& one) { return one.summary.name; });
    if (sort_ == "size") by([](const Listed& one) { return one.written.value_or(-1); });
    if (sort_ == "status") by([](const Listed& one) { return one.status.state; });
    // The longest first, as the oldest are.
    if (sort_ == "runningfor") by([](const Listed& one) { return one.summary.created; });
  }

  // What the table does not show is left out: there may be thousands of rows.
  Json RowOf(const Listed& container) const {
    const auto& [summary, status, health, written] = container;
    bool whole = FormatIsOwn();
    Json row;
    row["Command"] = CommandText(summary.command, no_trunc_);
    if (whole) row["CreatedAt"] = DateText(summary.created);
    row["ID"] = no_trunc_ ? summary.id : std::string(core::ShortId(summary.id));
    row["Image"] = "";
    if (whole) row["Labels"] = LabelsOf(summary);
    if (whole) row["LocalVolumes"] = 0;
    if (whole) row["Mounts"] = "";
    row["Names"] = summary.name;
    if (whole) row["Networks"] = "";
    if (whole) row["Platform"] = "";
    row["Ports"] = "";
    row["RunningFor"] = core::HumanDuration(now_ - summary.created) + " ago";
    row["Size"] = "0B";  // as docker where nobody counted
    if (whole) row["State"] = core::ToString(status.state);
    row["Status"] = StatusText(status, health, now_);
    return row;
  }

  static std::string LabelsOf(const core::ContainerSummary& summary) {
    std::string labels;
    for (const auto& [key, value] : summary.labels) {
      labels += (labels.empty() ? "" : ",") + key + "=" + value;
    }
    return labels;
  }

  // As it was typed; the id when that name means another image by now.
  std::string ImageOf(Context& context, const core::ContainerSummary& summary) {
    if (summary.image_id.empty()) return summary.image;
    auto known = images_.find(summary.image);
    if (known == images_.end()) {
      known = images_.emplace(summary.image, ImagesOfName(context, summary.image)).first;
    }
    const std::vector<std::string>& ids = known->second;
    if (ids.empty() || std::ranges::find(ids, summary.image_id) != ids.end()) return summary.image;
    return no_trunc_ ? "sha256:" + summary.image_id : std::string(core::ShortId(summary.image_id));
  }

  // The ids of the images that it means now: of a list, one for each platform. Empty: of none.
  static std::vector<std::string> ImagesOfName(Context& context, const std::string& name) {
    oci::ImageStore store(context.layout);
    std::vector<std::string> ids;
    auto image = store.Resolve(name);
    if (!image) return ids;
    ids.push_back(image->record.id.hex());
    if (!image->of_list) return ids;
    auto list = store.FindList(name);
    if (!list || !*list) return ids;
    for (const oci::ListMember& member : (*list)->members) ids.push_back(member.image.hex());
    return ids;
  }

  // "1.2kB (virtual 4.3MB)", as docker: with and without the image below it.
  static std::string SizeOf(Context& context, const Listed& container) {
    if (!container.written) return "--";
    auto image = oci::ImageStore(context.layout).Resolve("sha256:" + container.summary.image_id);
    int64_t whole = *container.written + (image ? image->record.size : 0);
    return fmt::format("{} (virtual {})",
                       FormatByteSize(static_cast<uint64_t>(*container.written), 3),
                       FormatByteSize(static_cast<uint64_t>(whole), 3));
  }

  static std::string PortsOf(Context& context, const std::string& id) {
    auto network = net::ReadNetworkStatus(context.layout, id);
    return network && *network ? PortsText(OpenPortsOf(**network)) : std::string();
  }

  // What only the whole record tells.
  void AddFromRecord(Context& context, const core::ContainerSummary& summary, Json& row) const {
    auto record = core::ReadContainer(context.layout, summary.id);
    if (!record) return;  // removed meanwhile
    row["Mounts"] = MountsOf(record->config);
    row["LocalVolumes"] = std::ranges::count_if(
        record->config.mounts, [](const core::Mount& mount) { return mount.volume.has_value(); });
    row["Networks"] = NetworksOf(record->config);
    if (auto image = oci::ImageStore(context.layout).Resolve("sha256:" + summary.image_id)) {
      row["Platform"] = image->record.platform.ToString();
    }
  }

  // What the user mounted, as docker cuts it.
  std::string MountsOf(const core::ContainerConfig& config) const {
    constexpr int kWidth = 15;
    std::string text;
    for (const core::Mount& mount : config.mounts) {
      if (!mount.from_user || mount.kind != core::MountKind::kBind) continue;
      const std::string& source = mount.volume ? mount.volume->name : mount.source;
      text += text.empty() ? "" : ",";
      text += no_trunc_ ? source : Ellipsize(source, kWidth);
    }
    return text;
  }

  // All that it is on; what is no network of hoy's is called by its mode, as in docker.
  static std::string NetworksOf(const core::ContainerConfig& config) {
    std::string text;
    for (const core::NetworkAttachment& attachment : config.network.attachments) {
      text += (text.empty() ? "" : ",") + attachment.network;
    }
    return text.empty() ? NetworkModeName(config) : text;
  }

  static constexpr std::string_view kRecordFields[] = {"LocalVolumes", "Mounts", "Networks",
                                                       "Platform"};

  // False: nobody reads what we write.
  Result<bool> Rest() const {
    pollfd slot{STDOUT_FILENO, 0, 0};
    int64_t wait_ms = std::min<int64_t>(*watch_, 1 << 20) * 1000;
    int ready = poll(&slot, 1, static_cast<int>(wait_ms));
    if (ready < 0 && errno != EINTR) return FailErrno("poll", "stdout");
    return ready <= 0;
  }

  bool all_ = false;
  bool size_ = false;
  std::vector<std::string> filters_text_;
  int64_t last_ = 0;
  bool latest_ = false;
  std::string sort_;
  std::optional<int64_t> watch_;
  core::Timestamp now_ = 0;
  std::map<std::string, std::vector<std::string>> images_;  // ids by the name that was typed
  int exit_code_ = 0;
};
HOY_REGISTER_COMMAND(PsCommand);

}  // namespace
}  // namespace hoy::cli
