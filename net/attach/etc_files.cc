#include "net/attach/etc_files.h"

#include <net/if.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/engine/etc_files.h"
#include "core/sys/files.h"
#include "net/attach/names.h"
#include "net/firewall/resolver_rules.h"
#include "net/state/network_store.h"

namespace hoy::net {
namespace {

// The host, as the container reaches it: the gateway of a network that is the host's own; or its
// address on an internal one.
std::string HostOf(const core::Layout& layout, const NetworkStatus& status) {
  for (const Endpoint& endpoint : status.endpoints) {
    if (endpoint.link.empty()) continue;
    for (const auto& address : {endpoint.v4, endpoint.v6}) {
      if (address && address->gateway) return address->gateway->ToString();
    }
  }
  for (const Endpoint& endpoint : status.endpoints) {
    if (endpoint.link.empty()) continue;
    auto network = ReadNetwork(layout, endpoint.network);
    if (!network) continue;
    for (const AddressPool& pool : network->pools) {
      if (!pool.subnet.is_v6()) return pool.gateway.ToString();
    }
  }
  return "";
}

bool LeadsOut(const NetworkStatus& status) {
  return std::ranges::any_of(status.endpoints, [](const Endpoint& endpoint) {
    return (endpoint.v4 && endpoint.v4->gateway) || (endpoint.v6 && endpoint.v6->gateway);
  });
}

std::string ServersPath(const core::Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/servers";
}

// "fe80::1%eth0" with the number of that link: the monitor knows no names of links.
std::string WithLinkNumbers(std::string_view servers) {
  std::string text;
  for (std::string_view server : Split(servers, '\n')) {
    auto [address, link] = CutAt(server, '%');
    text += address;
    if (link) text += fmt::format("%{}", if_nametoindex(std::string(*link).c_str()));
    text += '\n';
  }
  return text;
}

Result<> WriteServersFile(const core::Layout& layout, const core::ContainerRecord& record,
                          const NetworkStatus& status) {
  std::string servers;
  if (LeadsOut(status)) {
    std::string of_host = core::ReadFile("/etc/resolv.conf").value_or("");
    servers = WithLinkNumbers(core::ServersText(record.config.network, of_host));
  }
  return core::WriteFileAtomically(ServersPath(layout, record.id), servers,
                                   core::Durability::kVolatile);
}

}  // namespace

Result<> WriteEtcFiles(const core::Layout& layout, const core::ContainerRecord& record,
                       const NetworkStatus& status) {
  const core::NetworkConfig& config = record.config.network;
  auto write = [&](std::string_view name, std::string_view text) {
    return core::WriteEtcFile(layout, record.id, name, text);
  };
  if (!config.container.empty()) {
    for (const char* name : {"hosts", "resolv.conf"}) {
      TRY(core::ShareEtcFile(layout, record.id, name, config.container));
    }
    return {};
  }
  TRY(CheckWayToHost(layout, config, status));
  std::string hosts = core::HostsText(record.config, HostOf(layout, status));
  if (!status.endpoints.empty()) hosts = WithMembers(hosts, MembersText(status, {}));
  TRY(write("hosts", hosts));
  if (!WantsResolver(status)) {
    return write("resolv.conf", core::ResolvText(config, core::HostResolvText()));
  }
  TRY(WriteServersFile(layout, record, status));
  return write("resolv.conf", core::ResolvText(config, core::HostResolvText(), kResolverAddress));
}

Result<> CheckWayToHost(const core::Layout& layout, const core::NetworkConfig& config,
                        const NetworkStatus& status) {
  if (!core::NamesHost(config)) return {};
  constexpr const char* kHint =
      "give an address instead of host-gateway; or add a network of driver bridge";
  if (!config.path.empty()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("--add-host NAME:host-gateway: how the host is reached from "
                                      "'ns:{}' is not known",
                                      config.path))
                    .WithHint(kHint));
  }
  // Before the first network there is no way either, but there may yet be one.
  if (status.endpoints.empty() || !HostOf(layout, status).empty()) return {};
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("--add-host NAME:host-gateway: network '{}' is beside the "
                                    "host: there is no way to the host",
                                    status.endpoints.front().network))
                  .WithHint(kHint));
}

Result<> NameHost(const core::Layout& layout, const core::ContainerRecord& record,
                  const NetworkStatus& status) {
  std::string host = HostOf(layout, status);
  TRY(LeasesLock lock, LeasesLock::Acquire(layout));
  std::string path = layout.EtcFile(record.id, "hosts");
  auto hosts = core::ReadEtcFile(path);
  if (!hosts) return {};  // it is going, or its own doing
  std::string text = core::WithHost(*hosts, record.config.network, host);
  return text == *hosts ? Result<>{} : core::WriteInPlace(path, text);
}

bool WantsResolver(const NetworkStatus& status) {
  return !NamedNetworks(status).empty();
}

bool HasResolver(const core::Layout& layout, std::string_view id) {
  return core::Exists(ServersPath(layout, id));
}

Result<> UseResolver(const core::Layout& layout, const core::ContainerRecord& record,
                     const NetworkStatus& status) {
  TRY(WriteServersFile(layout, record, status));
  return core::WriteInPlace(
      layout.EtcFile(record.id, "resolv.conf"),
      core::ResolvText(record.config.network, core::HostResolvText(), kResolverAddress));
}

Result<> WriteServers(const core::Layout& layout, const core::ContainerRecord& record,
                      const NetworkStatus& status) {
  if (!HasResolver(layout, record.id)) return {};
  return WriteServersFile(layout, record, status);
}

}  // namespace hoy::net
