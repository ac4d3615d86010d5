// The first bytes of a program in an image: whatever they are, looking at them is safe.

#include <cstdint>
#include <string_view>

#include "core/engine/executable_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view head(reinterpret_cast<const char*>(data), size);
  if (auto elf = hoy::core::ParseElf(head)) {
    if (elf->loader.size() > size) __builtin_trap();
    hoy::core::ArchitectureName(*elf);
  }
  hoy::core::ParseScriptLine(head);
  hoy::core::LooksLikeText(head);
  return 0;
}
