#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/image/platform.h"

// What parses reads back the same and matches itself exactly.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  const Platform host{.os = "linux", .architecture = "amd64", .variant = ""};
  auto platform = ParsePlatform(std::string_view(reinterpret_cast<const char*>(data), size), host);
  if (!platform) return 0;
  auto again = ParsePlatform(platform->ToString(), host);
  if (!again || *again != *platform || MatchRank(*platform, *again) != 0) abort();
  return 0;
}
