// WWW-Authenticate: whatever a server sends, schemes and parameter names come out as clean lower
// case.

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "oci/registry/challenge.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto clean = [](std::string_view text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) <= ' ' || c == ',' || c == '=' || c == '"' ||
             (c >= 'A' && c <= 'Z');
    });
  };
  for (const auto& challenge :
       hoy::oci::ParseChallenges({reinterpret_cast<const char*>(data), size})) {
    if (!clean(challenge.scheme)) __builtin_trap();
    for (const auto& [name, value] : challenge.parameters) {
      if (!clean(name) || challenge.Parameter(name) != value) __builtin_trap();
    }
  }
  return 0;
}
