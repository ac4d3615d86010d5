#pragma once
// Linux capabilities as people name them and as the kernel numbers them (capabilities(7)).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::core {

// Bit n is capability n: the layout of CapEff in /proc/<pid>/status.
struct CapabilitySet {
  uint64_t bits = 0;

  constexpr bool Has(int capability) const { return ((bits >> capability) & 1U) != 0; }
  constexpr void Add(int capability) { bits |= uint64_t{1} << capability; }
  constexpr void Remove(int capability) { bits &= ~(uint64_t{1} << capability); }
  constexpr bool operator==(const CapabilitySet&) const = default;
};

// "NET_ADMIN", "cap_net_admin", "CAP_NET_ADMIN" -> 12. nullopt: no such capability.
std::optional<int> ParseCapability(std::string_view name);
std::string CapabilityName(int capability);                   // "CAP_NET_ADMIN"
std::vector<std::string> CapabilityNames(CapabilitySet set);  // in numerical order
// Each once and by its full name, "CAP_CHOWN" or "ALL", sorted: what --cap-add or --cap-drop was
// given, as docker's inspect shows it. `names` are such as ComputeCapabilities takes.
std::vector<std::string> CanonicalCapabilities(const std::vector<std::string>& names);

// Docker's default 14: AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE
// NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT.
CapabilitySet DefaultCapabilities();

// What hoy itself could give away: the bounding set of this process, as far as the running kernel
// and hoy know capabilities. One prctl(2) for each.
CapabilitySet AvailableCapabilities();

struct CapabilityChoice {
  CapabilitySet set;
  CapabilitySet unavailable;  // asked for by name in `add`, but hoy does not have it
};

// Docker's rules. `privileged` or ALL in `add`: everything but what `drop` names. ALL in `drop`:
// only what `add` names. Otherwise the default set without what `drop` names and with what `add`
// names. The result is cut to `available`. Pure. kInvalidArgument: an unknown name.
Result<CapabilityChoice> ComputeCapabilities(const std::vector<std::string>& add,
                                             const std::vector<std::string>& drop, bool privileged,
                                             CapabilitySet available);

}  // namespace hoy::core
