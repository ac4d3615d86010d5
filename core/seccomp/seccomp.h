#pragma once
// Seccomp filters of containers (seccomp(2)). The program for the default capabilities is compiled
// when hoy is built, so that a start pays for nothing but the system call that installs it.

#include <linux/filter.h>

#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/seccomp/capabilities.h"

namespace hoy::core {

// Classic BPF, ready for SECCOMP_SET_MODE_FILTER. Either points at a program in the executable or
// owns one made at run time.
class SeccompProgram {
 public:
  SeccompProgram() = default;  // empty: unconfined
  explicit SeccompProgram(std::span<const sock_filter> built_in) : built_in_(built_in) {}
  explicit SeccompProgram(std::vector<sock_filter> owned) : owned_(std::move(owned)) {}

  std::span<const sock_filter> instructions() const {
    return owned_.empty() ? built_in_ : std::span<const sock_filter>(owned_);
  }
  bool empty() const { return instructions().empty(); }

 private:
  std::span<const sock_filter> built_in_;
  std::vector<sock_filter> owned_;
};

// Docker's default profile for a container with these capabilities (default_profile.h has the
// table).
Result<SeccompProgram> DefaultSeccompProgram(CapabilitySet capabilities);

// A profile in docker's JSON format (--security-opt seccomp=FILE) or runtime-spec's linux.seccomp:
// defaultAction, defaultErrnoRet, archMap or architectures, syscalls with names or name, action,
// args, errnoRet, includes and excludes (arches, caps, minKernel). kInvalidArgument: not such a
// profile, with the place. System calls that libseccomp does not know are left out, as docker does.
Result<SeccompProgram> LoadSeccompProfile(std::string_view json, CapabilitySet capabilities);

// Installs it on the calling thread. Allocates nothing: usable between clone and exec. Needs
// no_new_privs or CAP_SYS_ADMIN. 0 or an errno.
int InstallSeccompProgram(std::span<const sock_filter> program);

}  // namespace hoy::core
