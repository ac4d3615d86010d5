#pragma once
// --report and --timing: what a run has used, and where its start went.

#include <optional>
#include <string>

#include "cli/ui/context.h"
#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/resource_report.h"
#include "core/state/run_state.h"

namespace hoy::cli {

// FILE is the clean-up's to write, whoever does it; the others are those of the client.
struct ReportTarget {
  enum class Kind { kNone, kFile, kDescriptor, kStderr } kind = Kind::kNone;
  std::string file;  // as typed
  int fd = -1;

  bool IsTheClients() const { return kind == Kind::kDescriptor || kind == Kind::kStderr; }
};

// "", "-", "fd:3" or a file. kInvalidArgument: something else.
Result<ReportTarget> ParseReportTarget(const std::string& text);

// Before anything is started: the descriptor is open for writing (and is nobody's but ours from
// here on), the file can be made. `stays`: the client will see the end, which its targets need.
Result<> CheckReportTarget(const ReportTarget& target, bool stays);

// The file that an earlier run has left there: what comes now may fail before there is a container.
void DropOldReport(const ReportTarget& target);

// The run's report when it has ended and nothing has been cleaned up yet. nullopt: there is none.
struct TakenReport {
  core::ExitRecord exit;
  core::ResourceReport resources;
};
std::optional<TakenReport> TakeReport(const Context& context, const core::ContainerRecord& record);

// To the target, which is one.
Result<> GiveReport(Context& context, const ReportTarget& target,
                    const core::ContainerRecord& record, const TakenReport& report);

// "wall 1.20 s, CPU 0.80 s user 0.10 s system, memory peak 34.5MiB, ...": what is known. Pure.
std::string ReportLine(const core::ResourceReport& report);

// The start's marks on stderr, when --timing asked for them.
void PrintStartMarks(Context& context);

}  // namespace hoy::cli
