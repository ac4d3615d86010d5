#include "core/engine/network_driver.h"

namespace hoy::core {
namespace {

NetworkDriver* the_driver = nullptr;

}  // namespace

std::vector<int> MonitorNetwork::Descriptors() const {
  std::vector<int> fds;
  for (const Fd* fd : {&datagrams, &listener, &ports, &bundle, &watch}) {
    if (*fd) fds.push_back(fd->get());
  }
  return fds;
}

uint32_t MonitorNetwork::Parts() const {
  return (datagrams ? kResolverSockets : 0u) | (ports ? kHeldPorts : 0u) |
         (bundle ? kForwarderSockets : 0u);
}

void MonitorNetwork::Describe(PlanBuilder& plan, const Layout& layout, std::string_view id) const {
  plan.header().network_parts = Parts();
  // Also without a resolver: it may come later.
  plan.header().hosts_path = plan.Text(layout.EtcFile(id, "hosts"));
  plan.header().servers_path = plan.Text(layout.RunContainer(id) + "/servers");
}

void UseNetworkDriver(NetworkDriver& driver) {
  the_driver = &driver;
}

NetworkDriver* TheNetworkDriver() {
  return the_driver;
}

bool HasNetwork(const ContainerConfig& config) {
  return config.namespaces.net == NamespaceMode::kJoined || !config.network.attachments.empty();
}

}  // namespace hoy::core
