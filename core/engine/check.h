#pragma once
// What crashes left of containers and volumes, found and mended: all of what the tables in
// lifecycle.h, exec_sessions.h, container_record.h and volume.h tell of, and records that are
// damaged, which nobody can mend. What cannot be looked at is a finding, too, and the rest is
// looked at all the same. What somebody works on at this moment is left to him.

#include <vector>

#include "core/engine/finding.h"
#include "core/state/layout.h"

namespace hoy::core {

std::vector<Finding> CheckContainers(const Layout& layout, CheckMode mode);
std::vector<Finding> CheckVolumes(const Layout& layout, CheckMode mode);

}  // namespace hoy::core
