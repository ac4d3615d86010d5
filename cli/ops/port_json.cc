#include "cli/ops/port_json.h"

namespace hoy::cli {

Json PortBindingsOf(const core::NetworkConfig& config) {
  Json all = Json::object();
  for (const core::PortBinding& binding : config.ports) {
    bool of_all = config.publish_all && binding.host_address.empty() && binding.host_port == 0;
    if (of_all) continue;
    all[PortName(binding.container_port, binding.protocol)].push_back(
        {{"HostIp", binding.host_address}, {"HostPort", HostPortText(binding)}});
  }
  return all;
}

Json OpenPortsJson(const std::vector<OpenPort>& ports) {
  Json all = Json::object();
  for (const OpenPort& port : ports) {
    Json& list = all[PortName(port.container_port, port.protocol)];
    if (port.host_port == 0) continue;  // null
    list.push_back({{"HostIp", port.host_ip}, {"HostPort", std::to_string(port.host_port)}});
  }
  return all;
}

}  // namespace hoy::cli
