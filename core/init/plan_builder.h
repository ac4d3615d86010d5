#pragma once
// Writes an InitPlan (plan.h). Pure: the same calls give the same bytes.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/init/plan.h"

namespace hoy::core {

class PlanBuilder {
 public:
  PlanBuilder();

  PlanHeader& header() { return header_; }

  // Offsets of what is put in the pool. An empty text is a real, empty string.
  Offset Text(std::string_view text);
  Offset Texts(const std::vector<std::string>& texts);
  Offset Numbers(std::span<const uint32_t> numbers);
  Offset Blob(const void* bytes, size_t size);

  Step& Add(StepKind kind);  // valid until the next Add
  Step& last() { return steps_.back(); }

  uint32_t NextSlot() { return slots_++; }
  uint32_t slots() const { return slots_; }

  std::string Serialize() const;

 private:
  void Align();

  PlanHeader header_{};
  std::vector<Step> steps_;
  std::string pool_;  // offsets given out are relative to the pool until Serialize
  uint32_t slots_ = 0;
};

// The plan in words, a line a step: for --explain and golden tests.
std::string DescribePlan(const std::string& serialized);

// What step `index` was doing, for errors: stage "mount", subject "/proc".
struct StepDescription {
  std::string_view stage;
  std::string subject;
};
StepDescription DescribeStep(const std::string& serialized, uint32_t index);

}  // namespace hoy::core
