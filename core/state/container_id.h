#pragma once
// Container ids: 64 random lower-case hex digits, 12 shown (RandomContainerId in name_generator.h).

#include <string_view>

namespace hoy::core {

constexpr size_t kIdLength = 64;
constexpr size_t kShortIdLength = 12;

// Has the shape of one.
inline bool IsContainerId(std::string_view text) {
  return text.size() == kIdLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

inline std::string_view ShortId(std::string_view id) {
  return id.substr(0, kShortIdLength);
}

}  // namespace hoy::core
