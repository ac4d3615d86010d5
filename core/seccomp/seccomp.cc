#include "core/seccomp/seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/seccomp/profile.h"

namespace hoy::core {
namespace {

struct BuiltInFilter {
  uint64_t capabilities;  // of those that the profile asks about
  std::span<const sock_filter> program;
};

// `constexpr BuiltInFilter kBuiltInFilters[]` and `constexpr uint64_t kAskedCapabilities` (what
// CapabilitiesInDefaultProfile says, at no cost at run time), written by
// cmake/seccomp_generator.cc.
#include "core/seccomp/default_filters.inc"

}  // namespace

Result<SeccompProgram> DefaultSeccompProgram(CapabilitySet capabilities) {
  uint64_t relevant = capabilities.bits & kAskedCapabilities;
  for (const BuiltInFilter& filter : kBuiltInFilters) {
    if (filter.capabilities == relevant) return SeccompProgram(filter.program);
  }
  TRY_CONTEXT_SET(auto compiled, CompileProfile(DefaultProfile(capabilities)),
                  "compile the default seccomp profile");
  return SeccompProgram(std::move(compiled));
}

int InstallSeccompProgram(std::span<const sock_filter> program) {
  if (program.empty()) return 0;
  sock_fprog filter{static_cast<unsigned short>(program.size()),
                    const_cast<sock_filter*>(program.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0 ? 0 : errno;
}

}  // namespace hoy::core
