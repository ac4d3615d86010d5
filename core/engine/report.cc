#include "core/engine/report.h"

#include "core/cgroup/usage.h"
#include "core/engine/run_directory.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Number = ResourceReport::Number;

constexpr std::string_view kFlag = "--report";

Number Microseconds(const Number& nanoseconds) {
  return nanoseconds ? Number(*nanoseconds / 1000) : std::nullopt;
}

ResourceReport::Stall StallOf(const std::optional<Pressure>& pressure) {
  if (!pressure) return {};
  return {pressure->some.total_us, pressure->full ? Number(pressure->full->total_us) : Number()};
}

std::string MarksPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/marks.json";
}

std::string TargetPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/report-to";
}

// As a report without anything else: one codec.
std::vector<StartMark> ReadStartMarks(const Layout& layout, std::string_view id) {
  auto text = ReadFile(MarksPath(layout, id), 1 << 20);
  if (!text) return {};
  auto report = DecodeResourceReport(*text);
  return report ? std::move(report->start) : std::vector<StartMark>{};
}

void AddCgroup(const CgroupUsage& usage, ResourceReport& report) {
  report.cpu_user_us = Microseconds(usage.cpu_user_ns);
  report.cpu_system_us = Microseconds(usage.cpu_system_ns);
  report.cpu_total_us = Microseconds(usage.cpu_ns);
  report.throttled_us = Microseconds(usage.throttled_ns);
  report.throttled_periods = usage.throttled_periods;
  report.memory_peak_bytes = usage.memory_peak_bytes;
  report.oom_kills = usage.oom_kills;
  report.page_faults = usage.page_faults;
  report.major_page_faults = usage.major_page_faults;
  report.pids_peak = usage.pids_peak;
  report.read_bytes = usage.read_bytes;
  report.written_bytes = usage.written_bytes;
  report.read_operations = usage.read_operations;
  report.write_operations = usage.write_operations;
  report.cpu_stall = StallOf(usage.cpu_pressure);
  report.memory_stall = StallOf(usage.memory_pressure);
  report.io_stall = StallOf(usage.io_pressure);
}

}  // namespace

ResourceReport CollectReport(const Layout& layout, std::string_view id, const ExitRecord& exit) {
  ResourceReport report;
  report.started_at = exit.started_at;
  if (exit.started_at != 0 && exit.finished_at >= exit.started_at) {
    report.wall_us = static_cast<uint64_t>(exit.finished_at - exit.started_at) / 1000;
  }
  if (auto location = ReadCgroupLocation(layout, id)) AddCgroup(ReadUsage(*location), report);
  // Without a cgroup: what the kernel added up for the first process and the children it waited
  // for.
  if (!report.cpu_total_us && exit.known && exit.user_cpu_us + exit.system_cpu_us > 0) {
    report.cpu_user_us = static_cast<uint64_t>(exit.user_cpu_us);
    report.cpu_system_us = static_cast<uint64_t>(exit.system_cpu_us);
    report.cpu_total_us = *report.cpu_user_us + *report.cpu_system_us;
  }
  report.start = ReadStartMarks(layout, id);
  return report;
}

Result<> WantReport(const Layout& layout, std::string_view id, std::string_view file) {
  return WriteFileAtomically(TargetPath(layout, id), file, Durability::kVolatile);
}

void KeepReport(const Layout& layout, const ContainerRecord& record, const ExitRecord& exit,
                bool removes) {
  std::string file = ReadFile(TargetPath(layout, record.id), 1 << 16).value_or("");
  if (removes && file.empty()) return;
  // A clean-up that comes again finds no cgroup: what was kept the first time is the truth.
  if (!Exists(layout.RunContainer(record.id) + "/start.json")) return;
  ResourceReport report = CollectReport(layout, record.id, exit);
  if (!removes) (void)WriteResourceReport(layout, record.id, report);
  if (!file.empty()) (void)WriteNamedFile(kFlag, file, FormatReport(record, exit, report));
}

void ReportFailure(const Layout& layout, const ContainerRecord& record, const ExitRecord& failure) {
  auto file = ReadFile(TargetPath(layout, record.id), 1 << 16);
  if (!file) return;
  (void)WriteNamedFile(kFlag, *file, FormatReport(record, failure, {}));
}

Result<> KeepStartMarks(const Layout& layout, std::string_view id,
                        const std::vector<StartMark>& marks) {
  ResourceReport report;
  report.start = marks;
  return WriteFileAtomically(MarksPath(layout, id), EncodeResourceReport(report),
                             Durability::kVolatile);
}

}  // namespace hoy::core
