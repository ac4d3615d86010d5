// A container config that was read can be written and read again without loss.

#include <cstdint>
#include <string_view>

#include "core/state/container_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::core;
  auto config = DecodeContainerConfig({reinterpret_cast<const char*>(data), size});
  if (!config.has_value()) return 0;
  auto again = DecodeContainerConfig(EncodeContainerConfig(*config));
  if (!again.has_value() || *again != *config) __builtin_trap();
  return 0;
}
