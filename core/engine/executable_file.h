#pragma once
// What a file that could not be executed is, told from its first bytes. Pure.
// Sources: elf(5), execve(2) "Interpreter scripts".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hoy::core {

// As much of a file as it takes to tell.
inline constexpr size_t kExecutableHead = 64 << 10;

// The interpreter of a "#!" line, or nullopt without one. It may end in '\r', which is then part of
// the name that the kernel looks for.
std::optional<std::string> ParseScriptLine(std::string_view head);

struct ElfInfo {
  uint16_t machine = 0;  // e_machine
  bool big_endian = false;
  bool is_64_bit = false;
  bool complete = false;  // header and program headers were there
  std::string loader;     // PT_INTERP; empty: static
};
// nullopt: not an ELF file.
std::optional<ElfInfo> ParseElf(std::string_view head);

// "arm64", as platforms are named; "ELF machine 4711" for what has no name.
std::string ArchitectureName(const ElfInfo& elf);
uint16_t HostElfMachine();
std::string_view HostArchitectureName();

bool LooksLikeText(std::string_view head);

}  // namespace hoy::core
