#include "cli/ops/network_json.h"

#include <algorithm>

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

}  // namespace

Json NetworkSettingsOf(const core::Layout& layout, const core::ContainerRecord& record,
                       pid_t init) {
  net::NetworkStatus status;
  if (auto read = net::ReadNetworkStatus(layout, record.id); read && *read) status = **read;
  Json networks = Json::object();
  for (const core::NetworkAttachment& wanted : record.config.network.attachments) {
    auto found = std::ranges::find(status.endpoints, wanted.network, &net::Endpoint::network);
    net::Endpoint endpoint = found != status.endpoints.end() ? *found : net::Endpoint();
    Json one = {{"IPAMConfig", IpamConfigOf(wanted)},
                {"Links", nullptr},
                {"Aliases", NullIfEmpty(wanted.aliases)},
                {"DriverOpts", nullptr},
                {"NetworkID", endpoint.network_id},
                {"EndpointID", net::EndpointId(endpoint.network_id, record.id)},
                {"DNSNames", NullIfEmpty(endpoint.names)}};
    PutAddresses(one, endpoint);
    if (endpoint.network_id.empty()) {
      auto network = net::ReadNetwork(layout, wanted.network);
      if (network) one["NetworkID"] = network->id;
    }
    networks[wanted.network] = std::move(one);
  }
  bool joined = !record.config.network.container.empty();
  // What nsenter(1) --net takes: nothing is mounted anywhere. The container has one at a time.
  Json settings = {{"SandboxID", init > 0 ? record.id : ""},
                   {"SandboxKey", init > 0 ? fmt::format("/proc/{}/ns/net", init) : ""},
                   {"Ports", OpenPortsJson(OpenPortsOf(status))},
                   {"Networks", std::move(networks)}};
  if (joined) settings["Networks"] = Json::object();
  PutAddresses(settings, status.endpoints.empty() ? net::Endpoint() : status.endpoints.front());
  return settings;
}

}  // namespace hoy::cli
