#pragma once
// Which device nodes a container may use: the rules, and the two ways to hand them to the kernel.

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace hoy::core {

// One rule, as in runtime-spec `linux.resources.devices` and v1's devices.allow.
struct DeviceRule {
  bool allow = true;
  char type = 'a';               // 'b', 'c', or 'a' for both (then major and minor are ignored)
  std::optional<int64_t> major;  // unset: any
  std::optional<int64_t> minor;
  std::string access = "rwm";  // any of r(ead), w(rite), m(knod)

  bool operator==(const DeviceRule&) const = default;
};

// "c 1:3 rwm", "b *:* m", "a" (--device-cgroup-rule, devices.allow). kInvalidArgument otherwise.
Result<DeviceRule> ParseDeviceRule(std::string_view text);
std::string FormatDeviceRule(const DeviceRule& rule);  // what devices.allow and .deny take

// mknod of anything; use of null, zero, full, random, urandom, tty, console, ptmx and pts/*: the
// default devices of runtime-spec (config-linux.md).
const std::vector<DeviceRule>& DefaultDeviceRules();

// A BPF_PROG_TYPE_CGROUP_DEVICE program: everything is denied but what the rules say; the last rule
// that matches decides. Pure.
std::vector<bpf_insn> AssembleDeviceFilter(const std::vector<DeviceRule>& rules);

}  // namespace hoy::core
