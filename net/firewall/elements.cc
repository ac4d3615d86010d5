#include <algorithm>

#include "net/firewall/nftables_firewall.h"
#include "net/firewall/table_layout.h"

namespace hoy::net {
namespace {

std::string_view MapOf(const PublishedPort& port) {
  if (port.host.is_v6()) return port.host.IsAny() ? kPorts6 : kPorts6At;
  return port.host.IsAny() ? kPorts4 : kPorts4At;
}

uint16_t ReadService(std::string_view bytes) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

}  // namespace

std::vector<SetElement> NetworkElements(const BridgeRules& rules) {
  std::vector<SetElement> elements;
  auto add = [&](std::string_view set, std::string key, std::string last_key = {}) {
    elements.push_back(
        {set,
         {.key = std::move(key), .last_key = std::move(last_key), .comment = rules.network_id}});
  };
  std::string bridge = nft::InterfaceKey(rules.bridge);
  add(kBridges, bridge);
  add(kInside, bridge + bridge);
  for (const Subnet& subnet : rules.subnets) {
    add(subnet.is_v6() ? kHome6 : kHome4, std::string(subnet.first().bytes()) + bridge,
        std::string(subnet.last().bytes()) + bridge);
  }
  if (rules.internal) {
    add(kInternal, bridge);
    return elements;
  }
  for (const Subnet& subnet : rules.subnets) {
    std::string_view set = subnet.is_v6() ? kNat6 : kNat4;
    add(set, std::string(subnet.first().bytes()));
    // A range that reaches the last address of all has no end.
    if (auto end = subnet.last().Plus(1)) {
      elements.push_back(
          {set,
           {.key = std::string(end->bytes()), .data = {}, .comment = {}, .interval_end = true}});
    }
  }
  return elements;
}

SetElement PortElement(std::string_view container_id, const PublishedPort& port) {
  std::string key = nft::ProtocolKey(port.protocol) + nft::ServiceKey(port.host_port);
  if (!port.host.IsAny()) key = std::string(port.host.bytes()) + key;
  return {MapOf(port),
          {.key = std::move(key),
           .data = std::string(port.container.bytes()) + nft::ServiceKey(port.container_port),
           .comment = std::string(container_id)}};
}

std::optional<OwnedPort> ReadPort(std::string_view map, const nft::Element& element) {
  bool v6 = map == kPorts6 || map == kPorts6At;
  bool at = map == kPorts4At || map == kPorts6At;
  size_t address = v6 ? 16 : 4;
  std::string_view key = element.key, data = element.data;
  if (key.size() != (at ? address : 0) + 8 || data.size() != address + 4) return std::nullopt;
  PublishedPort port;
  port.host =
      at ? *IpAddress::FromBytes(key.substr(0, address)) : *IpAddress::Parse(v6 ? "::" : "0.0.0.0");
  if (at) key.remove_prefix(address);
  port.protocol = static_cast<uint8_t>(key[0]);
  port.host_port = ReadService(key.substr(4));
  port.container = *IpAddress::FromBytes(data.substr(0, address));
  port.container_port = ReadService(data.substr(address));
  return OwnedPort{element.comment, port};
}

std::vector<nft::Element> OwnedBy(std::string_view id, std::span<const nft::Element> elements) {
  std::vector<nft::Element> owned;
  const nft::Element* none = nullptr;
  for (const nft::Element& element : elements) {
    if (element.comment != id) continue;
    owned.push_back(element);
    const nft::Element* end = none;
    for (const nft::Element& other : elements) {
      if (!other.interval_end || other.key <= element.key) continue;
      if (end == nullptr || other.key < end->key) end = &other;
    }
    if (end != nullptr) owned.push_back(*end);
  }
  return owned;
}

}  // namespace hoy::net
