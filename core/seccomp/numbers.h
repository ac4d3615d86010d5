#pragma once
// System calls by name and architecture: libseccomp's tables, and what is newer than Debian 12's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hoy::core {

// A system call as seccomp_data shows it. i386 also has calls that multiplex others (socketcall(2),
// ipc(2)): there `call` is what the first argument has in `call_mask`.
struct SyscallNumber {
  uint32_t number = 0;
  std::optional<uint32_t> call;
  uint32_t call_mask = 0xffffffff;
};

// All ways to make the call on an architecture (SCMP_ARCH_*; x32 without its bit). Empty: it has
// none.
std::vector<SyscallNumber> SyscallNumbers(uint32_t architecture, const std::string& name);

}  // namespace hoy::core
