#pragma once
// The exit report: what a run has used, collected when its processes are gone and its cgroup is
// not.

#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/resource_report.h"
#include "core/state/run_state.h"

namespace hoy::core {

// Of a run that has ended; the caller holds the lock, or the monitor waits for it. A fact that
// cannot be had is absent.
ResourceReport CollectReport(const Layout& layout, std::string_view id, const ExitRecord& exit);

// --report FILE, an absolute path: each end of the container writes it. Kept beside its record.
Result<> WantReport(const Layout& layout, std::string_view id, std::string_view file);

// For the clean-up, under the lock, before the cgroup goes: report.json of a container that stays,
// and the file that --report named. Best effort: a report that cannot be written keeps nobody from
// cleaning up.
void KeepReport(const Layout& layout, const ContainerRecord& record, const ExitRecord& exit,
                bool removes);

// The file of a start that failed: nothing was used, and it says why.
void ReportFailure(const Layout& layout, const ContainerRecord& record, const ExitRecord& failure);

// The marks of a start, from the start to the report. Not for every run: only where they are
// wanted.
Result<> KeepStartMarks(const Layout& layout, std::string_view id,
                        const std::vector<StartMark>& marks);

}  // namespace hoy::core
