#include "net/attach/network_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/sys/files.h"

namespace hoy::net {
namespace {

using Json = nlohmann::json;

struct ProtocolName {
  uint8_t number;
  const char* name;
};
constexpr ProtocolName kProtocols[] = {
    {IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_SCTP, "sctp"}};

Result<IpAddress> ReadAddress(const Json& json, const char* name) {
  const auto& text = json.at(name).get_ref<const std::string&>();
  auto address = IpAddress::Parse(text);
  if (!address) return Fail(ErrorKind::kCorrupt, "{} '{}': not an address", name, text);
  return *address;
}

// Both families are written alike, with a suffix.
void PutAddress(Json& json, const std::optional<EndpointAddress>& address,
                const std::string& suffix) {
  if (!address) return;
  json["address" + suffix] = address->address.ToString();
  json["prefix" + suffix] = address->prefix;
  if (address->gateway) json["gateway" + suffix] = address->gateway->ToString();
}

Result<std::optional<EndpointAddress>> GetAddress(const Json& json, const std::string& suffix) {
  std::optional<EndpointAddress> found;
  if (!json.contains("address" + suffix)) return found;
  EndpointAddress address;
  TRY(address.address, ReadAddress(json, ("address" + suffix).c_str()));
  address.prefix = json.at("prefix" + suffix).get<int>();
  if (json.contains("gateway" + suffix)) {
    TRY(address.gateway, ReadAddress(json, ("gateway" + suffix).c_str()));
  }
  found = address;
  return found;
}

Result<Endpoint> DecodeEndpoint(const Json& json) {
  Endpoint endpoint;
  endpoint.network = json.at("network").get<std::string>();
  endpoint.network_id = json.at("networkId").get<std::string>();
  endpoint.link = json.at("link").get<std::string>();
  endpoint.inside = json.at("inside").get<std::string>();
  endpoint.inside_index = json.value("insideIndex", 0);
  auto mac = ParseMac(json.at("mac").get_ref<const std::string&>());
  if (!mac) return Fail(ErrorKind::kCorrupt, "mac: not a MAC address");
  endpoint.mac = *mac;
  TRY(endpoint.v4, GetAddress(json, ""));
  TRY(endpoint.v6, GetAddress(json, "6"));
  endpoint.aliases = json.at("aliases").get<std::vector<std::string>>();
  endpoint.names = json.at("names").get<std::vector<std::string>>();
  return endpoint;
}

Result<PublishedPort> DecodePort(const Json& json) {
  PublishedPort port;
  TRY(port.host, ReadAddress(json, "host"));
  TRY(port.container, ReadAddress(json, "container"));
  port.host_port = json.at("hostPort").get<uint16_t>();
  port.container_port = json.at("containerPort").get<uint16_t>();
  const auto& name = json.at("protocol").get_ref<const std::string&>();
  auto protocol =
      std::ranges::find_if(kProtocols, [&](const ProtocolName& one) { return one.name == name; });
  if (protocol == std::end(kProtocols)) {
    return Fail(ErrorKind::kCorrupt, "protocol '{}': none of ours", name);
  }
  port.protocol = protocol->number;
  return port;
}

Result<NetworkStatus> DecodeFields(const Json& json) {
  NetworkStatus status;
  status.own_names = json.at("ownNames").get<std::string>();
  for (const Json& one : json.at("endpoints")) {
    TRY(Endpoint endpoint, DecodeEndpoint(one));
    status.endpoints.push_back(std::move(endpoint));
  }
  for (const Json& one : json.at("ports")) {
    TRY(PublishedPort port, DecodePort(one));
    status.ports.push_back(port);
  }
  status.exposed = json.value("exposed", std::vector<std::string>());
  return status;
}

}  // namespace

const Endpoint* NetworkStatus::WayOut(bool v6) const {
  auto leads_out = [&](const Endpoint& endpoint) {
    const auto& address = v6 ? endpoint.v6 : endpoint.v4;
    return address && address->gateway;
  };
  auto found = std::ranges::find_if(endpoints, leads_out);
  return found == endpoints.end() ? nullptr : &*found;
}

std::optional<IpAddress> NetworkStatus::PublishedAddress(bool v6) const {
  auto first = [&](bool of_v6, bool leads_out) -> std::optional<IpAddress> {
    for (const Endpoint& endpoint : endpoints) {
      const auto& address = of_v6 ? endpoint.v6 : endpoint.v4;
      bool is_it = address && !endpoint.link.empty() && (address->gateway || !leads_out);
      if (is_it) return address->address;
    }
    return std::nullopt;
  };
  auto address = first(v6, true);
  if (address || (v6 && first(false, true))) return address;
  return first(v6, false);
}

std::string EndpointId(std::string_view network_id, std::string_view container_id) {
  constexpr size_t kDigits = 64;
  constexpr std::string_view kHex = "0123456789abcdef";
  if (network_id.size() != kDigits || container_id.size() != kDigits) return "";
  std::string id;
  for (size_t i = 0; i < kDigits; ++i) {
    size_t a = kHex.find(network_id[i]);
    size_t b = kHex.find(container_id[i]);
    if (a == std::string_view::npos || b == std::string_view::npos) return "";
    id += kHex[a ^ b];
  }
  return id;
}

std::string EncodeNetworkStatus(const NetworkStatus& status) {
  Json endpoints = Json::array();
  for (const Endpoint& endpoint : status.endpoints) {
    Json one = {{"network", endpoint.network},   {"networkId", endpoint.network_id},
                {"link", endpoint.link},         {"inside", endpoint.inside},
                {"mac", ToString(endpoint.mac)}, {"aliases", endpoint.aliases},
                {"names", endpoint.names}};
    if (endpoint.inside_index != 0) one["insideIndex"] = endpoint.inside_index;
    PutAddress(one, endpoint.v4, "");
    PutAddress(one, endpoint.v6, "6");
    endpoints.push_back(std::move(one));
  }
  Json ports = Json::array();
  for (const PublishedPort& port : status.ports) {
    auto protocol = std::ranges::find(kProtocols, port.protocol, &ProtocolName::number);
    ports.push_back({{"host", port.host.ToString()},
                     {"hostPort", port.host_port},
                     {"protocol", protocol == std::end(kProtocols) ? "tcp" : protocol->name},
                     {"container", port.container.ToString()},
                     {"containerPort", port.container_port}});
  }
  Json json = {{"version", 1},
               {"ownNames", status.own_names},
               {"endpoints", std::move(endpoints)},
               {"ports", std::move(ports)},
               {"exposed", status.exposed}};
  return json.dump() + "\n";
}

Result<NetworkStatus> DecodeNetworkStatus(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    auto status = DecodeFields(json);
    if (status) return status;
    return Fail(std::move(status).error().WithKind(ErrorKind::kCorrupt));
  } catch (const Json::exception& e) {
    return Fail(ErrorKind::kCorrupt, "not a network status: {}", e.what());
  }
}

std::string NetworkStatusPath(const core::Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/network.json";
}

Result<std::optional<NetworkStatus>> ReadNetworkStatus(const core::Layout& layout,
                                                       std::string_view id) {
  std::string path = NetworkStatusPath(layout, id);
  auto text = core::ReadFile(path);
  if (!text) {
    if (text.error().system_errno == ENOENT) return std::nullopt;
    return Fail(std::move(text).error());
  }
  TRY_CONTEXT_SET(NetworkStatus status, DecodeNetworkStatus(*text), "'{}'", path);
  return status;
}

Result<> WriteNetworkStatus(const core::Layout& layout, std::string_view id,
                            const NetworkStatus& status) {
  return core::WriteFileAtomically(NetworkStatusPath(layout, id), EncodeNetworkStatus(status),
                                   core::Durability::kVolatile);
}

}  // namespace hoy::net
