#pragma once
// What --opt of `network create` means, by driver. Pure.
//
//   bridge    mtu, vlan (the tag that all of the bridge's ports have), isolate
//   macvlan   mtu, parent, mode (or macvlan_mode): bridge, private, vepa, passthru
//   ipvlan    mtu, parent, mode (or ipvlan_mode): l2, l3, l3s; ipvlan_flag: bridge, private, vepa

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "net/state/network_record.h"

namespace hoy::net {

// kInvalidArgument.
Result<> CheckOptions(std::string_view driver, const core::StringPairs& options);

// Otherwise its containers are on the wire of a link of the host.
bool HasBridge(const NetworkRecord& network);
int MtuOf(const NetworkRecord& network);        // 0: the kernel's default
uint16_t VlanOf(const NetworkRecord& network);  // of a bridge; 0: it knows no tags
// The link that containers are on. "eth0.50": tag 50 on eth0, which is made if it is missing.
std::string ParentOf(const NetworkRecord& network);
uint32_t ModeOf(const NetworkRecord& network);        // as the driver's netlink attribute has it
uint16_t IpvlanFlagOf(const NetworkRecord& network);  // IPVLAN_F_*; 0: bridge

struct VlanName {
  std::string link;  // "eth0"
  uint16_t tag;      // 50
};
std::optional<VlanName> ParseVlanName(std::string_view name);

}  // namespace hoy::net
