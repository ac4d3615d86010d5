#include "cli/ops/network_json.h"

#include <algorithm>

#include "cli/ops/network_list.h"
#include "cli/ops/network_options.h"
#include "cli/ops/port_json.h"
#include "net/state/network_store.h"

namespace hoy::cli {
namespace {

std::string TextOf(const std::optional<net::IpAddress>& address) {
  return address ? address->ToString() : "";
}

// The flat fields are of the default network alone in docker; scripts read them for any.
void PutAddresses(Json& object, const net::Endpoint& endpoint) {
  const auto& v4 = endpoint.v4;
  const auto& v6 = endpoint.v6;
  object["IPAddress"] = v4 ? v4->address.ToString() : "";
  object["IPPrefixLen"] = v4 ? v4->prefix : 0;
  object["Gateway"] = v4 ? TextOf(v4->gateway) : "";
  object["GlobalIPv6Address"] = v6 ? v6->address.ToString() : "";
  object["GlobalIPv6PrefixLen"] = v6 ? v6->prefix : 0;
  object["IPv6Gateway"] = v6 ? TextOf(v6->gateway) : "";
  bool wired = v4 || v6;
  object["MacAddress"] = wired ? net::ToString(endpoint.mac) : "";
}

Json NullIfEmpty(const std::vector<std::string>& texts) {
  return texts.empty() ? Json() : Json(texts);
}

Json IpamConfigOf(const core::NetworkAttachment& wanted) {
  Json config;
  if (!wanted.address.empty()) config["IPv4Address"] = wanted.address;
  if (!wanted.address6.empty()) config["IPv6Address"] = wanted.address6;
  return config;
}

// What a container has of a network.
Json EndpointJson(const core::NetworkAttachment& wanted, const net::Endpoint& endpoint,
                  const std::string& network_id, const std::string& endpoint_id) {
  Json one = {{"IPAMConfig", IpamConfigOf(wanted)},
              {"Links", nullptr},
              {"Aliases", NullIfEmpty(wanted.aliases)},
              {"DriverOpts", nullptr},
              {"NetworkID", network_id},
              {"EndpointID", endpoint_id},
              {"DNSNames", NullIfEmpty(endpoint.names)}};
  PutAddresses(one, endpoint);
  return one;
}

}  // namespace

Json NetworkSettingsOf(const core::Layout& layout, const core::ContainerRecord& record,
                       pid_t init) {
  net::NetworkStatus status;
  if (auto read = net::ReadNetworkStatus(layout, record.id); read && *read) status = **read;
  Json networks = Json::object();
  for (const core::NetworkAttachment& wanted : record.config.network.attachments) {
    auto found = std::ranges::find(status.endpoints, wanted.network, &net::Endpoint::network);
    net::Endpoint endpoint = found != status.endpoints.end() ? *found : net::Endpoint();
    std::string network_id = endpoint.network_id;
    if (network_id.empty()) {
      auto network = net::ReadNetwork(layout, wanted.network);
      if (network) network_id = network->id;
    }
    networks[wanted.network] =
        EndpointJson(wanted, endpoint, network_id, net::EndpointId(endpoint.network_id, record.id));
  }
  // The words that are networks, too, of which it has nothing. With another container's network, or
  // a namespace of somebody's, there is no word.
  if (networks.empty()) {
    auto word = FindAnyNetwork(layout, NetworkModeName(record.config));
    if (word) networks[word->name] = EndpointJson({}, {}, word->id, "");
  }
  // What nsenter(1) --net takes: nothing is mounted anywhere. The container has one at a time.
  Json settings = {
      {"SandboxID", init > 0 ? record.id : ""},
      {"SandboxKey", init > 0 ? fmt::format("/proc/{}/ns/net", init) : ""},
      {"Ports", OpenPortsJson(OpenPortsOf(status))},
      {"Networks", std::move(networks)},
      {"Bridge", ""},
      {"HairpinMode", false},
      {"LinkLocalIPv6Address", ""},
      {"LinkLocalIPv6PrefixLen", 0},
      {"SecondaryIPAddresses", nullptr},
      {"SecondaryIPv6Addresses", nullptr},
      {"EndpointID", status.endpoints.empty()
                         ? ""
                         : net::EndpointId(status.endpoints.front().network_id, record.id)}};
  PutAddresses(settings, status.endpoints.empty() ? net::Endpoint() : status.endpoints.front());
  return settings;
}

}  // namespace hoy::cli
