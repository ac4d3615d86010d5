// The values of run's flags: any text is accepted or refused, and what is accepted keeps the
// promises of its type.

#include <cstdint>
#include <string>

#include "cli/ops/mount_options.h"
#include "cli/ops/option_values.h"

namespace {

void CheckTarget(const hoy::core::Mount& mount) {
  bool good = mount.target.starts_with('/') && mount.target != "/" &&
              !(mount.target + "/").contains("/../") &&
              mount.source.empty() == (mount.volume || mount.image);
  if (!good) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::cli;
  std::string text(reinterpret_cast<const char*>(data), size);
  if (auto mount = ParseVolume(text, "/cwd")) CheckTarget(*mount);
  if (auto mount = ParseMount(text, "/cwd"); mount && !IsGlob(text)) CheckTarget(*mount);
  if (auto mount = ParseTmpfs(text)) CheckTarget(*mount);
  if (auto limit = ParseUlimit(text); limit && limit->soft > limit->hard) __builtin_trap();
  if (auto cpus = ParseCpus(text); cpus && *cpus < 0) __builtin_trap();
  if (auto device = ParseDevice(text); device && device->container.empty()) __builtin_trap();
  if (auto sysctl = ParseSysctl(text, {}); sysctl && sysctl->first.contains("..")) {
    __builtin_trap();
  }
  (void)ParseSecurityOptions({text});
  (void)ParseEnvFile("file", text);
  (void)ParseLabelFile("file", text);
  return 0;
}
