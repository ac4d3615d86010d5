#pragma once
// Limits written to a cgroup that lives: all of them, or none.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/cgroup/limits.h"

namespace hoy::core {

// What is in `after` and not, or not so, in `before`. Pure.
std::vector<LimitWrite> ChangedWrites(const std::vector<LimitWrite>& before,
                                      const std::vector<LimitWrite>& after);

struct PlacedWrite {
  std::string directory;
  LimitWrite write;
};

// In order. When the kernel refuses one, those before it are written back, and the error is that of
// WriteLimit (tree.h).
Result<> ApplyWrites(const std::vector<PlacedWrite>& writes);

// What has to be written to a file with this content in order to undo a write of `value`. Pure.
// Files are one value, "default N" with lines for devices, or lines for devices alone, of which the
// one that `value` is about counts (v1 "8:0 1048576", v2 "8:0 rbps=1048576 wbps=max").
std::string UndoValue(std::string_view content, std::string_view value);

}  // namespace hoy::core
