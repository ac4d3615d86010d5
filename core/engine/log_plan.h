#pragma once
// What a monitor is told about the log that it keeps.

#include <cstdint>

#include "core/base/result.h"
#include "core/init/plan_builder.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

// Before a monitor takes over: what a killed one left of a rotation is finished. The number of the
// next file that will be rotated.
Result<uint64_t> PrepareLog(const Layout& layout, const ContainerRecord& record);

// With the driver passthrough, a container gets our own standard streams. kInvalidArgument: one of
// them is a terminal (TIOCSTI would let it type commands there).
Result<> CheckOwnStreams();

// Fills the log_* fields of the header, and where the container's output comes from.
void PutLog(const Layout& layout, const ContainerRecord& record, uint64_t next_number,
            PlanBuilder& plan);

// `"attrs":{...},` of a json-file line; empty without attributes.
std::string JsonAttributes(const LogConfig& config);

// What each message to the journal carries, in its protocol's form.
std::string JournalFields(const ContainerRecord& record);

}  // namespace hoy::core
