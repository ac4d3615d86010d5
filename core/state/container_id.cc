#include "core/state/container_id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

namespace hoy::core {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string NewContainerId() {
  std::array<unsigned char, kIdLength / 2> bytes{};
  // Up to 256 bytes getrandom(2) neither fails nor falls short, once the pool is up.
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id;
  id.reserve(kIdLength);
  for (unsigned char byte : bytes) {
    id.push_back(kDigits[byte >> 4]);
    id.push_back(kDigits[byte & 15]);
  }
  return id;
}

Result<> CheckContainerName(std::string_view name) {
  constexpr size_t kMost = 255;
  bool good = name.size() >= 2 && name.size() <= kMost && IsAlphanumeric(name[0]) &&
              std::ranges::all_of(name, [](char c) {
                return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-';
              });
  if (good) return {};
  return Fail(
      MakeError(ErrorKind::kInvalidArgument, fmt::format("invalid container name '{}'", name))
          .WithHint("names are [a-zA-Z0-9][a-zA-Z0-9_.-]+"));
}

}  // namespace hoy::core
