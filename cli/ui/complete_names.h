#pragma once
// Names of objects for completion, read from directory entries alone. Private to complete*.cc.

#include <string_view>
#include <vector>

#include "cli/ui/complete.h"

namespace hoy::cli {

// Candidates for `what` that begin with `prefix`.
std::vector<Candidate> NamesFor(Completes what, std::string_view prefix,
                                const core::Layout& layout);

}  // namespace hoy::cli
