#include "core/seccomp/numbers.h"

#include <seccomp.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace hoy::core {
namespace {

struct NamedNumber {
  std::string_view name;
  uint32_t number;
};

// include/uapi/asm-generic/unistd.h of Linux 6.17, from where libseccomp 2.5.4 ends. Since
// Linux 5.1 new calls have one number on all architectures.
constexpr std::array kNewSyscalls = {
    NamedNumber{"cachestat", 451},         NamedNumber{"fchmodat2", 452},
    NamedNumber{"map_shadow_stack", 453},  NamedNumber{"futex_wake", 454},
    NamedNumber{"futex_wait", 455},        NamedNumber{"futex_requeue", 456},
    NamedNumber{"statmount", 457},         NamedNumber{"listmount", 458},
    NamedNumber{"lsm_get_self_attr", 459}, NamedNumber{"lsm_set_self_attr", 460},
    NamedNumber{"lsm_list_modules", 461},  NamedNumber{"mseal", 462},
    NamedNumber{"setxattrat", 463},        NamedNumber{"getxattrat", 464},
    NamedNumber{"listxattrat", 465},       NamedNumber{"removexattrat", 466},
    NamedNumber{"open_tree_attr", 467},    NamedNumber{"file_getattr", 468},
    NamedNumber{"file_setattr", 469},
};

// arch/x86/entry/syscalls/syscall_32.tbl: the direct calls beside socketcall (Linux 4.3) and ipc
// (5.1).
constexpr std::array kI386Direct = {
    NamedNumber{"socket", 359},      NamedNumber{"socketpair", 360},
    NamedNumber{"bind", 361},        NamedNumber{"connect", 362},
    NamedNumber{"listen", 363},      NamedNumber{"accept4", 364},
    NamedNumber{"getsockopt", 365},  NamedNumber{"setsockopt", 366},
    NamedNumber{"getsockname", 367}, NamedNumber{"getpeername", 368},
    NamedNumber{"sendto", 369},      NamedNumber{"sendmsg", 370},
    NamedNumber{"recvfrom", 371},    NamedNumber{"recvmsg", 372},
    NamedNumber{"shutdown", 373},    NamedNumber{"recvmmsg", 337},
    NamedNumber{"sendmmsg", 345},    NamedNumber{"semget", 393},
    NamedNumber{"semctl", 394},      NamedNumber{"shmget", 395},
    NamedNumber{"shmctl", 396},      NamedNumber{"shmat", 397},
    NamedNumber{"shmdt", 398},       NamedNumber{"msgget", 399},
    NamedNumber{"msgsnd", 400},      NamedNumber{"msgrcv", 401},
    NamedNumber{"msgctl", 402},
};
constexpr uint32_t kI386Socketcall = 102;
constexpr uint32_t kI386Ipc = 117;

constexpr int kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT

template <size_t kSize>
std::optional<uint32_t> Find(const std::array<NamedNumber, kSize>& table, std::string_view name) {
  auto found = std::ranges::find(table, name, &NamedNumber::name);
  return found == table.end() ? std::nullopt : std::optional(found->number);
}

}  // namespace

std::vector<SyscallNumber> SyscallNumbers(uint32_t architecture, const std::string& name) {
  int number = seccomp_syscall_resolve_name_arch(architecture, name.c_str());
  if (architecture == SCMP_ARCH_X32 && number >= 0) number &= ~kX32Bit;
  if (number >= 0) return {{static_cast<uint32_t>(number)}};
  if (number == __NR_SCMP_ERROR) {
    auto newer = Find(kNewSyscalls, name);
    return newer ? std::vector<SyscallNumber>{{*newer}} : std::vector<SyscallNumber>{};
  }
  if (architecture != SCMP_ARCH_X86) return {};
  // libseccomp's pseudo numbers: -100 - n is the n of socketcall(2), -200 - n that of ipc(2), whose
  // upper half is a version.
  std::vector<SyscallNumber> numbers;
  if (auto direct = Find(kI386Direct, name)) numbers.push_back({*direct});
  if (number <= -101 && number >= -120) {
    numbers.push_back({kI386Socketcall, static_cast<uint32_t>(-100 - number)});
  } else if (number <= -201 && number >= -224) {
    numbers.push_back({kI386Ipc, static_cast<uint32_t>(-200 - number), 0xffff});
  }
  return numbers;
}

}  // namespace hoy::core
