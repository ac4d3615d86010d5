#pragma once
// What a run of a container has used: DATA/containers/<id>/report.json, .State.Resources of
// inspect, and what --report writes. What the kernel does not count is absent, never 0.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"
#include "core/sys/clock.h"
#include "core/sys/start_marks.h"

namespace hoy::core {

struct ResourceReport {
  using Number = std::optional<uint64_t>;
  struct Stall {  // the time in which some, or all, waited for it
    Number some_us, full_us;
    bool operator==(const Stall&) const = default;
  };

  Timestamp started_at = 0;  // of the run: it tells it from others of the same container
  Number wall_us;
  Number cpu_user_us, cpu_system_us, cpu_total_us;  // of all its processes
  Number throttled_us, throttled_periods;
  Number memory_peak_bytes, oom_kills, page_faults, major_page_faults;
  Number pids_peak;
  Number read_bytes, written_bytes, read_operations, write_operations;
  Stall cpu_stall, memory_stall, io_stall;
  std::vector<StartMark> start;  // only where --timing or --report asked for them

  bool operator==(const ResourceReport&) const = default;
};

// One JSON object without a newline:
//   {"StartedAt":"...","WallUs":..,"CPU":{"UserUs":..,"SystemUs":..,"TotalUs":..,"ThrottledUs":..,
//    "ThrottledPeriods":..},"Memory":{"PeakBytes":..,"OOMKills":..,"PageFaults":..,
//    "MajorPageFaults":..},"PIDs":{"Peak":..},"BlockIO":{"ReadBytes":..,"WrittenBytes":..,
//    "ReadOperations":..,"WriteOperations":..},"Pressure":{"CPU":{"SomeUs":..,"FullUs":..},
//    "Memory":{..},"IO":{..}},"Start":[{"Name":"..","AtUs":..}]}
// An object without a fact is left out.
std::string EncodeResourceReport(const ResourceReport& report);
Result<ResourceReport> DecodeResourceReport(std::string_view json);

std::string ReportPath(const Layout& layout, std::string_view id);
// nullopt: none was kept.
Result<std::optional<ResourceReport>> ReadResourceReport(const Layout& layout, std::string_view id);
Result<> WriteResourceReport(const Layout& layout, std::string_view id,
                             const ResourceReport& report);

// {"Id":..,"Name":..,"Image":..,"ExitCode":..,"Signal":..,"OOMKilled":..,"TimedOut":..,
//  "StartedAt":..,"FinishedAt":..,"Error":..,"Resources":{..}} on one line, with its newline.
// Error: why the program did not run, when it did not; then StartedAt is not there.
std::string FormatReport(const ContainerRecord& record, const ExitRecord& exit,
                         const ResourceReport& report);

}  // namespace hoy::core
