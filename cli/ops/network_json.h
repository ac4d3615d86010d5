#pragma once
// Networks and what containers have of them, in docker's shape.

#include "cli/ui/format.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "net/attach/network_status.h"

namespace hoy::cli {

// NetworkSettings of `inspect`. `init`: of the container; 0: it does not run; then the networks it
// will be on are there, without addresses.
Json NetworkSettingsOf(const core::Layout& layout, const core::ContainerRecord& record, pid_t init);

}  // namespace hoy::cli
