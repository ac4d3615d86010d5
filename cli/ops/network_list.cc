#include "cli/ops/network_list.h"

#include <algorithm>

#include "cli/ops/container_filters.h"
#include "cli/ops/moment.h"
#include "core/base/text.h"
#include "core/state/container_record.h"
#include "net/attach/host_network.h"
#include "net/attach/leases.h"
#include "net/attach/network_options.h"
#include "net/attach/network_status.h"

namespace hoy::cli {
namespace {

// Their names in hex, so that the short ids differ.
net::NetworkRecord WordNetwork(const char* name, std::string_view hex, const char* driver) {
  net::NetworkRecord network;
  network.name = name;
  network.driver = driver;
  network.id = hex;
  network.id.resize(64, '0');
  return network;
}

std::vector<net::NetworkRecord> WordNetworks() {
  return {WordNetwork("host", "686f7374", "host"), WordNetwork("none", "6e6f6e65", "null")};
}

Json FromPairs(const core::StringPairs& pairs) {
  Json object = Json::object();
  for (const auto& [key, value] : pairs) object[key] = value;
  return object;
}

std::string InterfaceOf(const net::NetworkRecord& network) {
  if (network.pools.empty()) return "";
  return net::HasBridge(network) ? network.Bridge() : net::ParentOf(network);
}

std::string WithPrefix(const std::optional<net::EndpointAddress>& address) {
  return address ? fmt::format("{}/{}", address->address.ToString(), address->prefix) : "";
}

}  // namespace

bool IsPredefined(const net::NetworkRecord& network) {
  return network.name == net::kDefaultNetwork || network.name == "host" || network.name == "none";
}

Result<std::vector<net::NetworkRecord>> AllNetworks(const core::Layout& layout) {
  TRY(net::RouteSocket host, net::RouteSocket::Open());
  // Where no subnet is free for the default one, it is not there.
  auto made = net::NeedNetwork(layout, net::kDefaultNetwork, host);
  if (!made && made.error().kind != ErrorKind::kConflict) return Fail(std::move(made).error());
  TRY(std::vector<net::NetworkRecord> networks, net::ListNetworks(layout));
  for (net::NetworkRecord& word : WordNetworks()) networks.push_back(std::move(word));
  std::ranges::sort(networks, {}, &net::NetworkRecord::name);
  return networks;
}

Result<net::NetworkRecord> FindAnyNetwork(const core::Layout& layout, std::string_view name_or_id) {
  for (net::NetworkRecord& word : WordNetworks()) {
    if (name_or_id == word.name || (!name_or_id.empty() && word.id.starts_with(name_or_id))) {
      return std::move(word);
    }
  }
  if (name_or_id != net::kDefaultNetwork) return net::FindNetwork(layout, name_or_id);
  TRY(net::RouteSocket host, net::RouteSocket::Open());
  return net::NeedNetwork(layout, name_or_id, host);
}

Result<std::vector<std::string>> MembersOf(const core::Layout& layout,
                                           const net::NetworkRecord& network) {
  TRY(net::SweepLeases(layout, network));
  return net::HoldersOf(layout, network);
}

Result<NetworkFilters> NetworkFilters::Parse(const std::vector<std::string>& texts,
                                             std::initializer_list<std::string_view> known) {
  NetworkFilters filters;
  TRY(filters.filters_, Filters::Parse(texts, known));
  for (const std::string& text : filters.filters_.Values("until")) {
    TRY(core::Timestamp moment, ParseUntil(text, core::Now()));
    filters.before_ = std::min(filters.before_, moment);
  }
  auto one_of = [&](std::string_view key,
                    std::initializer_list<std::string_view> words) -> Result<> {
    for (const std::string& value : filters.filters_.Values(key)) {
      if (std::ranges::find(words, value) != words.end()) continue;
      return Fail(
          MakeError(ErrorKind::kInvalidArgument, fmt::format("invalid filter '{}={}'", key, value))
              .WithHint(fmt::format("one of {}", Join(words, ", "))));
    }
    return {};
  };
  TRY(one_of("type", {"custom", "builtin"}));
  TRY(one_of("scope", {"local", "global", "swarm"}));
  TRY(one_of("dangling", {"true", "false", "1", "0"}));
  return filters;
}

Result<bool> NetworkFilters::Match(const core::Layout& layout,
                                   const net::NetworkRecord& network) const {
  if (network.created >= before_) return false;
  auto has_label = [&](std::string_view wanted) {
    auto [key, value] = CutAt(wanted, '=');
    return std::ranges::any_of(network.labels, [key, value](const auto& label) {
      return label.first == key && (!value || label.second == *value);
    });
  };
  bool matches =
      filters_.Match(
          "name", [&](std::string_view v) { return network.name.find(v) != std::string::npos; }) &&
      filters_.Match("id", [&](std::string_view v) { return network.id.starts_with(v); }) &&
      filters_.Match("driver", [&](std::string_view v) { return network.driver == v; }) &&
      filters_.Match(
          "type", [&](std::string_view v) { return IsPredefined(network) == (v == "builtin"); }) &&
      filters_.Match("scope", [](std::string_view v) { return v == "local"; }) &&
      filters_.Match("label", has_label);
  if (!matches || std::ranges::any_of(filters_.Values("label!"), has_label)) return false;
  if (filters_.Values("dangling").empty()) return true;
  TRY(std::vector<std::string> members, MembersOf(layout, network));
  bool dangling = members.empty() && !IsPredefined(network);
  return filters_.Match("dangling",
                        [&](std::string_view v) { return dangling == (v == "true" || v == "1"); });
}

Result<Json> InspectNetwork(const core::Layout& layout, const net::NetworkRecord& network) {
  Json pools = Json::array();
  for (const net::AddressPool& pool : network.pools) {
    Json one = {{"Subnet", pool.subnet.ToString()}, {"Gateway", pool.gateway.ToString()}};
    if (pool.ip_range) one["IPRange"] = pool.ip_range->ToString();
    pools.push_back(std::move(one));
  }
  Json containers = Json::object();
  TRY(std::vector<std::string> members, MembersOf(layout, network));
  for (const std::string& id : members) {
    auto status = net::ReadNetworkStatus(layout, id);
    auto summary = core::ReadSummary(layout, id);
    if (!status || !*status || !summary) continue;  // it is coming, or going
    auto endpoint = std::ranges::find((*status)->endpoints, network.name, &net::Endpoint::network);
    if (endpoint == (*status)->endpoints.end()) continue;
    containers[id] = {{"Name", summary->name},
                      {"EndpointID", net::EndpointId(network.id, id)},
                      {"MacAddress", net::ToString(endpoint->mac)},
                      {"IPv4Address", WithPrefix(endpoint->v4)},
                      {"IPv6Address", WithPrefix(endpoint->v6)}};
  }
  return Json{{"Name", network.name},
              {"Id", network.id},
              {"Created", core::FormatRfc3339(network.created)},
              {"Scope", "local"},
              {"Driver", network.driver},
              {"EnableIPv4", true},
              {"EnableIPv6", network.ipv6},
              {"IPAM", {{"Driver", "default"}, {"Options", Json::object()}, {"Config", pools}}},
              {"Internal", network.internal},
              {"Attachable", false},
              {"Ingress", false},
              {"ConfigFrom", {{"Network", ""}}},
              {"ConfigOnly", false},
              {"Containers", std::move(containers)},
              {"Options", FromPairs(network.options)},
              {"Labels", FromPairs(network.labels)},
              {"NetworkInterface", InterfaceOf(network)}};
}

}  // namespace hoy::cli
