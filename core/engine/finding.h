#pragma once
// What `hoy system check` finds.

#include <string>

namespace hoy::core {

enum class CheckMode { kLook, kMend };

// Something that a crash, or a person, left half-way.
struct Finding {
  std::string object;   // "container 'web'"
  std::string problem;  // "its monitor was killed"
  std::string remedy;   // what mends it: "another one watches it"; empty: nothing does
  bool is_mended = false;
  std::string error;  // why it was not; with CheckMode::kLook empty
};

}  // namespace hoy::core
