#pragma once
// A seccomp profile with its conditions decided, and its compilation to classic BPF. Only
// core/seccomp and the generator at build time include this.

#include <linux/filter.h>
#include <seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/seccomp/capabilities.h"

namespace hoy::core {

struct ProfileArgument {
  unsigned index = 0;
  scmp_compare op = SCMP_CMP_EQ;
  uint64_t value = 0;      // SCMP_CMP_MASKED_EQ: the mask
  uint64_t value_two = 0;  // SCMP_CMP_MASKED_EQ: what argument & mask must be
  // Only the low 32 bits count: what the kernel makes of an int. Otherwise a program gets past
  // "not 40" with 0x100000028.
  bool is_int = false;

  bool operator==(const ProfileArgument&) const = default;
};

struct ProfileRule {
  std::vector<std::string> names;
  uint32_t action = SCMP_ACT_ALLOW;
  std::vector<ProfileArgument> arguments;  // all must hold; but several on one index: any of them
};

struct Profile {
  uint32_t default_action = SCMP_ACT_ERRNO(1);
  std::vector<uint32_t> architectures;  // SCMP_ARCH_*, beside the native one
  std::vector<ProfileRule> rules;
  // Every system call the profile speaks of, also where a condition left the rule out.
  std::vector<std::string> mentioned;
};

// The table, for a container with these capabilities (default_profile.cc).
Profile DefaultProfile(CapabilitySet capabilities);
// Those that any rule of the table depends on: other capabilities make no other program.
CapabilitySet CapabilitiesInDefaultProfile();

// Docker's name of the architecture hoy was built for ("amd64"), and those that its kernel also
// runs.
const char* NativeArchitecture();
std::vector<uint32_t> NativeSubArchitectures();

// The BPF of a profile. System calls that nobody knows by name are left out. A rule without
// arguments outranks those with; else the first in the profile wins. A call that is newer than all
// that the profile mentions fails with ENOSYS unless the default action is to allow: programs then
// fall back to what the profile knows, as on an older kernel. An architecture that is not listed
// kills.
//
// Why not seccomp_export_bpf: its program for the default profile has 1200 instructions against
// our 400, which the kernel takes 0.35 ms to install, and making it takes 20 ms. The tests compare
// both programs call by call.
// kInvalidArgument: the program is too large for the kernel (4096 instructions).
Result<std::vector<sock_filter>> CompileProfile(const Profile& profile);

}  // namespace hoy::core
