#pragma once
// Reads a serialised plan in place. No allocation: this runs in hoy-monitor and in its child.

#include <cstdint>
#include <span>

#include "core/init/plan.h"

namespace hoy::core {

class PlanView {
 public:
  explicit PlanView(const void* base) : base_(static_cast<const char*>(base)) {}

  const char* base() const { return base_; }
  const PlanHeader& header() const { return *reinterpret_cast<const PlanHeader*>(base_); }
  std::span<const Step> steps() const {
    return {reinterpret_cast<const Step*>(base_ + header().steps), header().step_count};
  }
  // nullptr for offset 0.
  const char* text(Offset at) const { return at != 0 ? base_ + at : nullptr; }
  const void* blob(Offset at) const { return base_ + at; }
  // The entries of a list: offsets, or plain numbers for group ids.
  std::span<const uint32_t> list(Offset at) const {
    if (at == 0) return {};
    const auto* words = reinterpret_cast<const uint32_t*>(base_ + at);
    return {words + 1, words[0]};
  }

 private:
  const char* base_;
};

}  // namespace hoy::core
