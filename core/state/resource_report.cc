#include "core/state/resource_report.h"

#include <nlohmann/json.hpp>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;
using Number = ResourceReport::Number;

constexpr size_t kReportLimit = 1 << 20;

// Where each number is: the one table that encoding and decoding share.
struct Field {
  const char* group;  // "": the object itself
  const char* name;
  Number ResourceReport::* number;
};
constexpr Field kFields[] = {
    {"", "WallUs", &ResourceReport::wall_us},
    {"CPU", "UserUs", &ResourceReport::cpu_user_us},
    {"CPU", "SystemUs", &ResourceReport::cpu_system_us},
    {"CPU", "TotalUs", &ResourceReport::cpu_total_us},
    {"CPU", "ThrottledUs", &ResourceReport::throttled_us},
    {"CPU", "ThrottledPeriods", &ResourceReport::throttled_periods},
    {"Memory", "PeakBytes", &ResourceReport::memory_peak_bytes},
    {"Memory", "OOMKills", &ResourceReport::oom_kills},
    {"Memory", "PageFaults", &ResourceReport::page_faults},
    {"Memory", "MajorPageFaults", &ResourceReport::major_page_faults},
    {"PIDs", "Peak", &ResourceReport::pids_peak},
    {"BlockIO", "ReadBytes", &ResourceReport::read_bytes},
    {"BlockIO", "WrittenBytes", &ResourceReport::written_bytes},
    {"BlockIO", "ReadOperations", &ResourceReport::read_operations},
    {"BlockIO", "WriteOperations", &ResourceReport::write_operations},
};
struct StallField {
  const char* name;
  ResourceReport::Stall ResourceReport::* stall;
};
constexpr StallField kStalls[] = {{"CPU", &ResourceReport::cpu_stall},
                                  {"Memory", &ResourceReport::memory_stall},
                                  {"IO", &ResourceReport::io_stall}};

Number NumberAt(const Json& object, const char* name) {
  auto found = object.find(name);
  return found == object.end() ? Number() : found->get<uint64_t>();
}

}  // namespace

std::string EncodeResourceReport(const ResourceReport& report) {
  Json json = {{"StartedAt", FormatRfc3339(report.started_at)}};
  for (const Field& field : kFields) {
    const Number& number = report.*field.number;
    if (!number) continue;
    Json& object = field.group[0] == '\0' ? json : json[field.group];
    object[field.name] = *number;
  }
  for (const StallField& field : kStalls) {
    const ResourceReport::Stall& stall = report.*field.stall;
    if (stall.some_us) json["Pressure"][field.name]["SomeUs"] = *stall.some_us;
    if (stall.full_us) json["Pressure"][field.name]["FullUs"] = *stall.full_us;
  }
  for (const StartMark& mark : report.start) {
    json["Start"].push_back({{"Name", mark.name}, {"AtUs", mark.at_us}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ResourceReport> DecodeResourceReport(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    ResourceReport report;
    TRY(report.started_at, ParseRfc3339(json.at("StartedAt").get<std::string>()));
    for (const Field& field : kFields) {
      if (field.group[0] == '\0') {
        report.*field.number = NumberAt(json, field.name);
      } else if (auto group = json.find(field.group); group != json.end()) {
        report.*field.number = NumberAt(*group, field.name);
      }
    }
    for (const StallField& field : kStalls) {
      auto pressure = json.find("Pressure");
      if (pressure == json.end() || !pressure->contains(field.name)) continue;
      const Json& stall = pressure->at(field.name);
      report.*field.stall = {NumberAt(stall, "SomeUs"), NumberAt(stall, "FullUs")};
    }
    for (const Json& mark : json.value("Start", Json::array())) {
      report.start.push_back({mark.at("Name").get<std::string>(), mark.at("AtUs").get<int64_t>()});
    }
    return report;
  } catch (const Json::exception&) {
    return Fail(ErrorKind::kCorrupt, "not a resource report");
  }
}

std::string ReportPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/report.json";
}

Result<std::optional<ResourceReport>> ReadResourceReport(const Layout& layout,
                                                         std::string_view id) {
  auto text = ReadFile(ReportPath(layout, id), kReportLimit);
  if (!text && text.error().system_errno == ENOENT) return std::nullopt;
  if (!text) return Fail(std::move(text).error());
  TRY(ResourceReport report, DecodeResourceReport(*text));
  return report;
}

Result<> WriteResourceReport(const Layout& layout, std::string_view id,
                             const ResourceReport& report) {
  return WriteFileAtomically(ReportPath(layout, id), EncodeResourceReport(report) + "\n",
                             Durability::kVolatile);
}

std::string FormatReport(const ContainerRecord& record, const ExitRecord& exit,
                         const ResourceReport& report) {
  Json json = {{"Id", record.id},
               {"Name", record.name},
               {"Image", record.config.image.reference},
               {"FinishedAt", FormatRfc3339(exit.finished_at)},
               {"OOMKilled", exit.oom_killed},
               {"TimedOut", exit.timed_out},
               {"Resources", Json::parse(EncodeResourceReport(report))}};
  if (exit.known) {
    json["ExitCode"] = exit.exit_code;
    json["Signal"] = exit.signal;
  }
  if (exit.error.empty()) {
    json["StartedAt"] = FormatRfc3339(exit.started_at);
  } else {
    json["Error"] = exit.error;
    json["Resources"] = Json::object();
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hoy::core
