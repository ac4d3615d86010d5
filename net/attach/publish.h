#pragma once
// The published ports of a container: each is held by a socket (net/firewall/port_sockets.h) before
// the rules send its packets to the container, and both go when the run ends.
//
//   | killed after                   | left behind                     | healed by               |
//   |--------------------------------|---------------------------------|-------------------------|
//   | the sockets are bound          | nothing: they die with us       |                         |
//   | the rules are there            | rules, no network.json          | Detach, by the id; also |
//   |                                |                                 | who publishes the same  |
//   | the monitor is killed          | rules whose sockets are free    | Adopt binds them again  |

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/engine/network_driver.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "net/attach/network_status.h"
#include "net/firewall/port_sockets.h"

namespace hoy::net {

struct PublishedPorts {
  std::vector<PublishedPort> ports;
  core::MonitorNetwork held;  // that of it which is about ports
};

// All or none. Ports of containers that run no more are in nobody's way. kConflict: one is in use,
// by whom is in the message, as far as it can be seen.
Result<PublishedPorts> PublishPorts(const core::Layout& layout, std::string_view id,
                                    std::span<const core::PortBinding> bindings,
                                    const NetworkStatus& status);
// For another monitor of a container that runs on, or after MovePorts; what somebody took meanwhile
// is not among them.
core::MonitorNetwork HoldAgain(std::span<const PublishedPort> ports);
// Its endpoints are others now: ports lead to the addresses that it has left, and those of a family
// that it has none of are published no more. Before an address is given back.
Result<> MovePorts(const core::Layout& layout, std::string_view id, NetworkStatus& status);
// Of a container that runs: its rules are these, and none of `before` else.
Result<> ReplaceRules(const core::Layout& layout, std::string_view id,
                      std::span<const PublishedPort> before, std::span<const PublishedPort> ports);
// All rules of a network or a container, and what the kernel remembers of its ports, as far as
// those are known. Again is success, also where no rules can be.
Result<> RemoveRules(std::string_view id, std::span<const PublishedPort> ports = {});

// Everything that the records say, after the table was lost (Firewall::was_mended).
Result<> RestoreRules(const core::Layout& layout, Firewall& firewall);

// Pure. What to publish where its networks are others now: of what was asked for all that can be,
// at the ports of the host that it has already. nullopt: it has all of that, and no more.
Result<std::optional<std::vector<core::PortBinding>>> OtherPorts(
    std::span<const core::PortBinding> bindings, const NetworkStatus& status);

// Pure: what is exposed and not published.
std::vector<std::string> OnlyExposed(const core::ContainerConfig& config);
// Pure. kInvalidArgument: an address of a family that the container has no address of.
// `only_within`: its networks are internal, and no host but this one may come to the ports by a
// listener of ours, which no rule of theirs sees.
Result<std::vector<PortWish>> WishesFor(std::span<const core::PortBinding> bindings,
                                        const std::optional<IpAddress>& v4,
                                        const std::optional<IpAddress>& v6,
                                        bool only_within = false);
Result<std::vector<PortWish>> WishesFor(std::span<const core::PortBinding> bindings,
                                        const NetworkStatus& status);

}  // namespace hoy::net
