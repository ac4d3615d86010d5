#pragma once
// Which device nodes a container may use: the rules, and the two ways to hand them to the kernel.

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/resource_limits.h"

namespace hoy::core {

// "c 1:3 rwm", "b *:* m", "a" (--device-cgroup-rule, devices.allow). kInvalidArgument otherwise.
Result<DeviceRule> ParseDeviceRule(std::string_view text);
// What devices.allow and devices.deny take, one write each: an 'a' with a number or an access in it
// becomes two lines, because the kernel would read it as a plain 'a'.
std::vector<std::string> FormatDeviceRule(const DeviceRule& rule);

// mknod of anything; use of null, zero, full, random, urandom, tty, console, ptmx and pts/*: the
// default devices of runtime-spec (config-linux.md).
const std::vector<DeviceRule>& DefaultDeviceRules();

// The defaults and then `more`, without what a rule for everything makes void: `more` that starts
// with "deny all" stands for itself. What is left starts, as both kernels do, from "nothing".
std::vector<DeviceRule> EffectiveDeviceRules(const std::vector<DeviceRule>& more);

// A BPF_PROG_TYPE_CGROUP_DEVICE program: everything is denied but what the rules say; the last rule
// that matches decides. Pure.
std::vector<bpf_insn> AssembleDeviceFilter(const std::vector<DeviceRule>& rules);

}  // namespace hoy::core
