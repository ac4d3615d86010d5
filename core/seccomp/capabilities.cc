#include "core/seccomp/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// include/uapi/linux/capability.h, in numerical order; the last one came with Linux 5.9.
constexpr std::array<std::string_view, 41> kNames = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};
constexpr CapabilitySet kAll = {(uint64_t{1} << kNames.size()) - 1};

struct NamedSet {
  CapabilitySet set;
  bool all = false;
};

Result<NamedSet> ParseNames(std::string_view flag, const std::vector<std::string>& names) {
  NamedSet parsed;
  for (const std::string& name : names) {
    if (ToLower(name) == "all") {
      parsed.all = true;
      continue;
    }
    auto capability = ParseCapability(name);
    if (!capability) {
      std::string_view nearest = *std::ranges::min_element(
          kNames, {}, [&](std::string_view each) { return EditDistance(each, ToLower(name)); });
      return Fail(MakeError(ErrorKind::kInvalidArgument,
                            fmt::format("{} '{}': no such capability", flag, name))
                      .WithHint(fmt::format("did you mean {}? man 7 capabilities lists them",
                                            CapabilityName(*ParseCapability(nearest)).substr(4))));
    }
    parsed.set.Add(*capability);
  }
  return parsed;
}

}  // namespace

std::optional<int> ParseCapability(std::string_view name) {
  std::string lower = ToLower(name);
  std::string_view bare = lower;
  if (bare.starts_with("cap_")) bare.remove_prefix(4);
  auto found = std::ranges::find(kNames, bare);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<int>(found - kNames.begin());
}

std::string CapabilityName(int capability) {
  if (capability < 0 || static_cast<size_t>(capability) >= kNames.size()) {
    return fmt::format("CAP_{}", capability);
  }
  std::string name = "CAP_";
  for (char c : kNames[static_cast<size_t>(capability)]) {
    name += c == '_' ? c : static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

std::vector<std::string> CapabilityNames(CapabilitySet set) {
  std::vector<std::string> names;
  for (int capability = 0; capability < 64; ++capability) {
    if (set.Has(capability)) names.push_back(CapabilityName(capability));
  }
  return names;
}

std::vector<std::string> CanonicalCapabilities(const std::vector<std::string>& names) {
  std::vector<std::string> canonical;
  for (const std::string& name : names) {
    auto capability = ParseCapability(name);
    canonical.push_back(capability ? CapabilityName(*capability) : "ALL");
  }
  std::ranges::sort(canonical);
  auto repeated = std::ranges::unique(canonical);
  canonical.erase(repeated.begin(), repeated.end());
  return canonical;
}

CapabilitySet DefaultCapabilities() {
  CapabilitySet set;
  for (int capability : {CAP_AUDIT_WRITE, CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
                         CAP_KILL, CAP_MKNOD, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SETFCAP,
                         CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_CHROOT}) {
    set.Add(capability);
  }
  return set;
}

CapabilitySet AvailableCapabilities() {
  CapabilitySet set;
  // EINVAL ends the list of what the kernel knows.
  for (int capability = 0; capability < static_cast<int>(kNames.size()); ++capability) {
    int in_bounding_set = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (in_bounding_set < 0) break;
    if (in_bounding_set == 1) set.Add(capability);
  }
  return set;
}

Result<CapabilityChoice> ComputeCapabilities(const std::vector<std::string>& add,
                                             const std::vector<std::string>& drop, bool privileged,
                                             CapabilitySet available) {
  TRY(NamedSet added, ParseNames("--cap-add", add));
  TRY(NamedSet dropped, ParseNames("--cap-drop", drop));
  CapabilitySet wanted;
  if (privileged || added.all) {
    wanted.bits = kAll.bits & ~dropped.set.bits;
  } else if (dropped.all) {
    wanted = added.set;
  } else {
    wanted.bits = (DefaultCapabilities().bits & ~dropped.set.bits) | added.set.bits;
  }
  return CapabilityChoice{{wanted.bits & available.bits},
                          {wanted.bits & added.set.bits & ~available.bits}};
}

}  // namespace hoy::core
