#pragma once
// The health of running containers: one probe at a time, each a session of `hoy exec` without a
// client's streams.
//
//   hoy-monitor --when one is due--> hoy __probe --> the probe, in the container
//               <--when to come again--'
//
// The monitor keeps only the time (core/monitor/helper_timer.h). When the next probe is due follows
// from what is on disk (core/state/health_state.h), so a new monitor goes on where the old one was,
// and a probe that outlives its monitor is recorded all the same.

#include <optional>

#include "core/base/result.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "core/state/health_state.h"

namespace hoy::core {

// Runs one probe, writes its result down, and records the event when the health has changed.
// nullopt: the container was paused or ended before the probe had; then it says nothing. A probe
// that cannot be started has failed, and so has one whose time is over; it is killed with all that
// it has started. kConflict: there is no health check, or the container does not run.
Result<std::optional<HealthState>> ProbeHealth(const Layout& layout, const ContainerRecord& record);

// What the monitor starts when a probe is due. `next_in_ns` becomes the time after which it is to
// be started again, also when the rest fails; nothing is probed while the container is paused or
// stopping. The state after the probe, when there was one.
Result<std::optional<HealthState>> ProbeWhenDue(const Layout& layout, const ContainerRecord& record,
                                                int64_t* next_in_ns);

// For lists and inspect: what is known of the present run or of the last one. nullopt: it has no
// health check, or has never run. Of a container that does not run docker says kUnhealthy, and so
// do we.
std::optional<HealthState> ObserveHealth(const Layout& layout, const ContainerSummary& summary,
                                         const ContainerStatus& status);

}  // namespace hoy::core
