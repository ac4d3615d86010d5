#pragma once
// -p, -P and --expose, from what was typed to what the container's record keeps, and back to the
// texts that people know. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "net/attach/network_status.h"

namespace hoy::cli {

// One -p in docker's forms:
//   [IP:][HOST_PORT[-LAST]][:CONTAINER_PORT[-LAST]][/tcp|udp|sctp]
//   target=CONTAINER_PORT[,published=HOST_PORT][,protocol=tcp]
// Without a host port, or with 0, any free one is chosen at each start; a range of them for one
// container port means the first that is free. An IPv6 address may stand in brackets. One result
// for each container port.
Result<std::vector<core::PortBinding>> ParsePublish(std::string_view text);

// All of them, in order; the same twice is once. kInvalidArgument: two want the same host port.
Result<std::vector<core::PortBinding>> ParsePublishes(const std::vector<std::string>& texts);

// What -P adds: every exposed port that no -p is for, on any free port of the host.
std::vector<core::PortBinding> ExposedBindings(const std::vector<std::string>& exposed,
                                               const std::vector<core::PortBinding>& published);

// What -p and -P make of a config that has its networks and its exposed ports: a published port is
// exposed, too. kInvalidArgument: it has no network of its own. Where there is nothing to publish
// to, that is a warning.
Result<> SetPorts(const std::vector<std::string>& publish, bool publish_all,
                  core::ContainerConfig& config, std::vector<std::string>& warnings);

// "80/tcp", by which docker's JSON and `hoy port` name a port of a container.
std::string PortName(uint16_t port, std::string_view protocol);
// "0.0.0.0:8080", "[::1]:80-82".
std::string HostText(std::string_view ip, std::string_view ports);
// "8080", "8080-8090", "" (any).
std::string HostPortText(const core::PortBinding& binding);

// A port of a container that runs, as it came out.
struct OpenPort {
  uint16_t container_port = 0;
  std::string protocol;
  std::string host_ip;     // "0.0.0.0", "::"
  uint16_t host_port = 0;  // 0: exposed, not published

  bool operator==(const OpenPort&) const = default;
};
std::vector<OpenPort> OpenPortsOf(const net::NetworkStatus& status);

// The PORTS of `ps`, docker's: by container port; neighbours that differ by the same step in both
// numbers are one range: "0.0.0.0:8080-8082->80-82/tcp, 443/tcp".
std::string PortsText(std::vector<OpenPort> ports);

// Whether a filter of `ps` (publish, expose: PORT[-PORT][/PROTOCOL]) names this one.
bool HasPort(std::string_view filter, std::string_view port_name);

}  // namespace hoy::cli
