#include "core/engine/network_driver.h"

namespace hoy::core {
namespace {

NetworkDriver* the_driver = nullptr;

}  // namespace

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
