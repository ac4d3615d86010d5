#pragma once
// Container ids and names.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

constexpr size_t kIdLength = 64;
constexpr size_t kShortIdLength = 12;

std::string NewContainerId();  // 64 random lower-case hex digits
inline std::string_view ShortId(std::string_view id) {
  return id.substr(0, kShortIdLength);
}

// [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255 bytes. kInvalidArgument with the rule otherwise.
Result<> CheckContainerName(std::string_view name);

}  // namespace hoy::core
