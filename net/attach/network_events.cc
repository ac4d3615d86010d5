#include "net/attach/network_events.h"

#include "core/state/event_log.h"
#include "net/state/network_store.h"

namespace hoy::net {
namespace {

void Record(const core::Layout& layout, std::string_view action, std::string_view network_id,
            core::StringPairs attributes) {
  core::RecordEvent(layout, {.type = "network",
                             .action = std::string(action),
                             .id = std::string(network_id),
                             .attributes = std::move(attributes)});
}

}  // namespace

void RecordNetworkEvent(const core::Layout& layout, const NetworkRecord& network,
                        std::string_view action, std::string_view container_id) {
  core::StringPairs attributes = {{"name", network.name}};
  if (!network.driver.empty()) attributes.emplace_back("type", network.driver);
  if (!container_id.empty()) attributes.emplace_back("container", container_id);
  Record(layout, action, network.id, std::move(attributes));
}

void RecordNetworkPrune(const core::Layout& layout) {
  Record(layout, "prune", "", {{"reclaimed", "0"}});
}

void RecordDisconnect(const core::Layout& layout, const Endpoint& endpoint,
                      std::string_view container_id) {
  core::StringPairs attributes = {{"container", std::string(container_id)},
                                  {"name", endpoint.network}};
  // Only a bridge has its end of a link on the host.
  std::string driver = "bridge";
  if (endpoint.link.empty()) {
    auto network = ReadNetwork(layout, endpoint.network);
    driver = network ? network->driver : "";
  }
  if (!driver.empty()) attributes.emplace_back("type", std::move(driver));
  Record(layout, "disconnect", endpoint.network_id, std::move(attributes));
}

}  // namespace hoy::net
