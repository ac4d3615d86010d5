// The entry point of `hoy` on x86-64 with a static glibc 2.36, in place of _start.
//
// Before main, glibc asks the processor about its caches and features with some sixty CPUID
// instructions, to choose the fastest memcpy. In a virtual machine each one leaves the guest; where
// hoy was measured that is 0.6 ms, as much as all the rest of `hoy version`. This does what glibc's
// __libc_start_main (csu/libc-start.c, the static variant) does, in its order, without that step:
// with an empty cpu_features every IFUNC resolver takes its baseline variant, SSE2.
//
// The functions are glibc's own but not its interface, so CMakeLists.txt takes this file only for
// the version that it was read for; for any other, _start stays.

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>

int main(int argc, char** argv);

// NOLINTBEGIN(bugprone-reserved-identifier): the names are glibc's
extern "C" {

extern char** __environ;
extern void* __libc_stack_end;
extern void* _dl_random;                          // AT_RANDOM: 16 bytes
extern long __x86_shared_non_temporal_threshold;  // copies from this size on go past the caches

extern const Elf64_Rela __rela_iplt_start[] __attribute__((weak));
extern const Elf64_Rela __rela_iplt_end[] __attribute__((weak));

using InitFunction = void (*)(int, char**, char**);
using FiniFunction = void (*)();
extern const InitFunction __preinit_array_start[];
extern const InitFunction __preinit_array_end[];
extern const InitFunction __init_array_start[];
extern const InitFunction __init_array_end[];
extern const FiniFunction __fini_array_start[];
extern const FiniFunction __fini_array_end[];

void _init();
void _fini();
void _dl_aux_init(Elf64_auxv_t*);
void __tunables_init(char**);
void __libc_setup_tls();
void __libc_early_init(bool);
void __libc_init_first(int, char**, char**);
int __cxa_atexit(void (*)(void*), void*, void*);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

constexpr long kNonTemporalThreshold = 0xc0000;  // glibc's own where it knows no cache sizes

void RunFini(void*) {
  for (const FiniFunction* last = __fini_array_end; last != __fini_array_start;) (*--last)();
  _fini();
}

// The resolvers run without thread-local storage and without a stack guard, as in glibc.
[[gnu::optimize("no-stack-protector")]] void ResolveIndirectFunctions() {
  for (const Elf64_Rela* entry = __rela_iplt_start; entry < __rela_iplt_end; ++entry) {
    auto resolver = reinterpret_cast<uint64_t (*)()>(entry->r_addend);
    *reinterpret_cast<uint64_t*>(entry->r_offset) = resolver();
  }
}

// The words of the thread descriptor that the x86-64 ABI fixes: fs:0x28 and fs:0x30.
[[gnu::optimize("no-stack-protector")]] void SetGuards() {
  const auto* random = static_cast<const uint64_t*>(_dl_random);
  uint64_t stack_guard = random[0] & ~uint64_t{0xff};
  uint64_t pointer_guard = random[1];
  asm volatile("mov %0, %%fs:0x28" : : "r"(stack_guard));
  asm volatile("mov %0, %%fs:0x30" : : "r"(pointer_guard));
}

}  // namespace

// `stack` as the kernel left it: argc, argv, nullptr, environment, nullptr, auxiliary vector.
extern "C" [[noreturn, gnu::used, gnu::optimize("no-stack-protector")]] void QuickStart(
    uint64_t* stack) {
  auto argc = static_cast<int>(stack[0]);
  auto** argv = reinterpret_cast<char**>(stack + 1);
  __environ = argv + argc + 1;
  __libc_stack_end = stack;
  char** end = __environ;
  while (*end != nullptr) ++end;
  _dl_aux_init(reinterpret_cast<Elf64_auxv_t*>(end + 1));
  __tunables_init(__environ);
  __x86_shared_non_temporal_threshold = kNonTemporalThreshold;
  ResolveIndirectFunctions();
  __libc_setup_tls();
  SetGuards();
  __libc_early_init(true);
  __libc_init_first(argc, argv, __environ);
  __cxa_atexit(RunFini, nullptr, nullptr);
  for (const InitFunction* each = __preinit_array_start; each < __preinit_array_end; ++each) {
    (*each)(argc, argv, __environ);
  }
  _init();
  for (const InitFunction* each = __init_array_start; each < __init_array_end; ++each) {
    (*each)(argc, argv, __environ);
  }
  exit(main(argc, argv));
}

asm(".globl hoy_quick_start\n"
    "hoy_quick_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call QuickStart\n");
