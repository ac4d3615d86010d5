#include "core/engine/executable_file.h"

#include <elf.h>

#include <algorithm>

namespace hoy::core {
namespace {

// Unsigned number of `size` bytes at `offset`, or nullopt past the end.
std::optional<uint64_t> ReadNumber(std::string_view bytes, uint64_t offset, size_t size,
                                   bool big_endian) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    size_t at = offset + (big_endian ? i : size - 1 - i);
    value = value << 8 | static_cast<unsigned char>(bytes[at]);
  }
  return value;
}

struct MachineName {
  uint16_t machine;
  std::string_view name;
};
// Names as Go and OCI platforms have them; both orders of bytes of one machine share a number.
constexpr MachineName kMachines[] = {
    {EM_X86_64, "amd64"},  {EM_386, "386"},           {EM_AARCH64, "arm64"},
    {EM_ARM, "arm"},       {EM_PPC64, "ppc64le"},     {EM_S390, "s390x"},
    {EM_MIPS, "mips"},     {EM_LOONGARCH, "loong64"}, {EM_SPARCV9, "sparc64"},
    {EM_RISCV, "riscv64"},
};

constexpr uint16_t kHostMachine =
#if defined(__x86_64__)
    EM_X86_64;
#elif defined(__aarch64__)
    EM_AARCH64;
#elif defined(__riscv)
    EM_RISCV;
#elif defined(__powerpc64__)
    EM_PPC64;
#elif defined(__s390x__)
    EM_S390;
#elif defined(__loongarch__)
    EM_LOONGARCH;
#elif defined(__arm__)
    EM_ARM;
#else
    EM_NONE;
#endif

}  // namespace

std::optional<std::string> ParseScriptLine(std::string_view head) {
  if (!head.starts_with("#!")) return std::nullopt;
  std::string_view line = head.substr(2, head.find('\n') - 2);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line.substr(0, line.find_first_of(std::string_view(" \t\0", 3))));
}

std::optional<ElfInfo> ParseElf(std::string_view head) {
  if (!head.starts_with(ELFMAG)) return std::nullopt;
  ElfInfo elf;
  if (head.size() < EI_NIDENT) return elf;
  elf.is_64_bit = head[EI_CLASS] == ELFCLASS64;
  elf.big_endian = head[EI_DATA] == ELFDATA2MSB;
  auto number = [&](uint64_t offset, size_t size) {
    return ReadNumber(head, offset, size, elf.big_endian);
  };
  bool wide = elf.is_64_bit;
  size_t word = wide ? 8 : 4;
  auto machine = number(offsetof(Elf64_Ehdr, e_machine), 2);  // at one place in both classes
  if (!machine) return elf;
  elf.machine = static_cast<uint16_t>(*machine);
  auto table = number(wide ? offsetof(Elf64_Ehdr, e_phoff) : offsetof(Elf32_Ehdr, e_phoff), word);
  auto entry_size =
      number(wide ? offsetof(Elf64_Ehdr, e_phentsize) : offsetof(Elf32_Ehdr, e_phentsize), 2);
  auto count = number(wide ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum), 2);
  if (!table || !entry_size || !count || *table > head.size()) return elf;
  for (uint64_t i = 0; i < *count; ++i) {
    uint64_t header = *table + i * *entry_size;
    auto type = number(header, 4);
    if (!type) return elf;
    if (*type != PT_INTERP) continue;
    auto offset = number(
        header + (wide ? offsetof(Elf64_Phdr, p_offset) : offsetof(Elf32_Phdr, p_offset)), word);
    auto size = number(
        header + (wide ? offsetof(Elf64_Phdr, p_filesz) : offsetof(Elf32_Phdr, p_filesz)), word);
    if (!offset || !size || *offset > head.size() || *size > head.size() - *offset) return elf;
    std::string_view loader = head.substr(*offset, *size);
    elf.loader = loader.substr(0, loader.find('\0'));
  }
  elf.complete = *count > 0;
  return elf;
}

std::string ArchitectureName(const ElfInfo& elf) {
  if (elf.machine == EM_PPC64 && elf.big_endian) return "ppc64";
  if (elf.machine == EM_RISCV && !elf.is_64_bit) return "riscv32";
  for (const MachineName& known : kMachines) {
    if (known.machine == elf.machine) return std::string(known.name);
  }
  return "ELF machine " + std::to_string(elf.machine);
}

uint16_t HostElfMachine() {
  return kHostMachine;
}

std::string_view HostArchitectureName() {
  for (const MachineName& known : kMachines) {
    if (known.machine == kHostMachine) return known.name;
  }
  return "another architecture";
}

bool LooksLikeText(std::string_view head) {
  head = head.substr(0, 512);
  return !head.empty() && std::ranges::all_of(head, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || (byte >= '\t' && byte <= '\r') || byte == 0x1b;
  });
}

}  // namespace hoy::core
