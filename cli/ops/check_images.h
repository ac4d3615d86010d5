#pragma once
// The images' part of `hoy system check`: what a killed pull, load or rmi left, and images of which
// something is missing.

#include <vector>

#include "core/engine/finding.h"
#include "core/state/layout.h"

namespace hoy::cli {

// What has arrived of a blob that a pull may go on with stays (oci::kPartialsStay).
std::vector<core::Finding> CheckImages(const core::Layout& layout, core::CheckMode mode);

}  // namespace hoy::cli
