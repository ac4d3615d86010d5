#pragma once
// The order and the drawing of `hoy top --forest` and `-H`. Pure.

#include <string>
#include <vector>

#include "cli/ops/ps_options.h"

namespace hoy::cli {

struct PsRow {
  size_t index = 0;    // in the list
  std::string prefix;  // before the command
};

// kNone: as they are. Otherwise each parent before its children, which keep their order; one whose
// parent is not in the list begins at the left. Threads of a process stay together.
std::vector<PsRow> PsRows(const std::vector<core::ProcFacts>& processes, PsTree tree);

}  // namespace hoy::cli
