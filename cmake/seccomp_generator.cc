// Compiles the default seccomp profile when hoy is built, for the capability sets that most
// containers have, and prints the programs as C++ (core/seccomp/seccomp.cc includes them).

#include <fmt/core.h>

#include <cstdio>

#include "core/seccomp/profile.h"

using hoy::core::CapabilitySet;

int main() {
  CapabilitySet standard = hoy::core::DefaultCapabilities();
  CapabilitySet asked = hoy::core::CapabilitiesInDefaultProfile();
  CapabilitySet admin = standard;
  admin.Add(*hoy::core::ParseCapability("SYS_ADMIN"));
  CapabilitySet debugger = standard;
  debugger.Add(*hoy::core::ParseCapability("SYS_PTRACE"));

  // The default set, --cap-drop ALL, --cap-add SYS_ADMIN, --cap-add SYS_PTRACE.
  std::string table;
  int number = 0;
  for (CapabilitySet set : {standard, CapabilitySet{}, admin, debugger}) {
    auto program = hoy::core::CompileProfile(hoy::core::DefaultProfile(set));
    if (!program) {
      fmt::print(stderr, "seccomp_generator: {}\n", program.error().message);
      return 1;
    }
    fmt::print("constexpr sock_filter kFilter{}[] = {{\n", number);
    for (const sock_filter& i : *program) {
      fmt::print("{{{:#x},{},{},{:#x}}},\n", i.code, i.jt, i.jf, i.k);
    }
    fmt::print("}};\n");
    table += fmt::format("{{{:#x}, kFilter{}}},\n", set.bits & asked.bits, number++);
  }
  fmt::print("constexpr uint64_t kAskedCapabilities = {:#x};\n", asked.bits);
  fmt::print("constexpr BuiltInFilter kBuiltInFilters[] = {{\n{}}};\n", table);
  return 0;
}
