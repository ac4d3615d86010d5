// The entry point of hoy-monitor on x86-64, instead of the C library's.
//
// Before main, glibc asks the processor about its caches and features with some dozens of CPUID
// instructions, to choose the fastest memcpy. In a virtual machine each one leaves the guest: 0.8
// ms altogether where hoy was measured, a tenth of a whole `hoy run`. hoy-monitor copies a few
// hundred bytes in its life and calls nothing but thin system call wrappers, which need errno and
// so thread-local storage: that is set up here, and nothing else. The string functions below stand
// in for glibc's, whose variants are chosen by that very start-up code.
//
// Used only where CMakeLists.txt says so (HOY_TINY_START); elsewhere main.cc and crt1.o do.

#include <asm/prctl.h>
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "core/monitor/monitor.h"

extern "C" {

extern char** __environ;  // what glibc's getenv reads

void* memcpy(void* to, const void* from, size_t count) {
  void* result = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  return result;
}

void* memset(void* to, int byte, size_t count) {
  void* result = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(byte) : "memory");
  return result;
}

void* memmove(void* to, const void* from, size_t count) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  if (target <= source || target >= source + count) return memcpy(to, from, count);
  while (count-- > 0) target[count] = source[count];
  return to;
}

int memcmp(const void* left, const void* right, size_t count) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (size_t i = 0; i < count; ++i) {
    if (a[i] != b[i]) return a[i] - b[i];
  }
  return 0;
}

size_t strnlen(const char* text, size_t most) {
  size_t length = 0;
  while (length < most && text[length] != '\0') ++length;
  return length;
}

size_t strlen(const char* text) {
  return strnlen(text, SIZE_MAX);
}

char* strchr(const char* text, int wanted) {
  for (;; ++text) {
    if (*text == static_cast<char>(wanted)) return const_cast<char*>(text);
    if (*text == '\0') return nullptr;
  }
}

char* strrchr(const char* text, int wanted) {
  const char* found = nullptr;
  for (;; ++text) {
    if (*text == static_cast<char>(wanted)) found = text;
    if (*text == '\0') return const_cast<char*>(found);
  }
}

char* strcpy(char* to, const char* from) {
  memcpy(to, from, strlen(from) + 1);
  return to;
}

int strncmp(const char* left, const char* right, size_t most) {
  for (size_t i = 0; i < most; ++i) {
    if (left[i] != right[i] || left[i] == '\0') {
      return static_cast<unsigned char>(left[i]) - static_cast<unsigned char>(right[i]);
    }
  }
  return 0;
}

}  // extern "C"

namespace {

// The thread-local block of the whole program and, behind it, glibc's thread descriptor, whose
// first words are its own address (x86-64 psABI, TLS variant II) and whose rest may be zero.
constexpr size_t kTlsBytes = 8192;
constexpr size_t kDescriptorBytes = 4096;
alignas(64) char thread_storage[kTlsBytes + kDescriptorBytes];

long RawSyscall(long number, long first, long second) {
  long result = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(first), "S"(second)
               : "rcx", "r11", "memory");
  return result;
}

[[noreturn]] void Exit(int code) {
  while (true) RawSyscall(SYS_exit_group, code, 0);
}

uint64_t AuxiliaryValue(const Elf64_auxv_t* vector, uint64_t type) {
  for (; vector->a_type != AT_NULL; ++vector) {
    if (vector->a_type == type) return vector->a_un.a_val;
  }
  return 0;
}

void SetUpThreadStorage(const Elf64_auxv_t* vector) {
  const auto* headers = reinterpret_cast<const Elf64_Phdr*>(AuxiliaryValue(vector, AT_PHDR));
  uint64_t count = AuxiliaryValue(vector, AT_PHNUM);
  char* descriptor = thread_storage + kTlsBytes;
  for (uint64_t i = 0; i < count; ++i) {
    const Elf64_Phdr& header = headers[i];
    if (header.p_type != PT_TLS) continue;
    size_t size = (header.p_memsz + header.p_align - 1) & ~(header.p_align - 1);
    if (size > kTlsBytes || header.p_align > 64) Exit(127);
    memcpy(descriptor - size, reinterpret_cast<const void*>(header.p_vaddr), header.p_filesz);
  }
  auto address = reinterpret_cast<uint64_t>(descriptor);
  memcpy(descriptor, &address, sizeof address);         // tcb
  memcpy(descriptor + 0x10, &address, sizeof address);  // self
  RawSyscall(SYS_arch_prctl, ARCH_SET_FS, static_cast<long>(address));
}

}  // namespace

// `stack` as the kernel left it: argc, argv, nullptr, environment, nullptr, auxiliary vector.
extern "C" [[noreturn, gnu::used]] void TinyStart(uint64_t* stack) {
  auto** words = reinterpret_cast<char**>(stack);
  __environ = words + 1 + stack[0] + 1;
  char** end = __environ;
  while (*end != nullptr) ++end;
  SetUpThreadStorage(reinterpret_cast<const Elf64_auxv_t*>(end + 1));
  Exit(hoy::core::MonitorMain(words[1]));
}

asm(".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call TinyStart\n");
