#include "net/attach/etc_files.h"

#include <net/if.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/engine/etc_files.h"
#include "core/sys/files.h"
#include "net/attach/names.h"
#include "net/firewall/resolver_rules.h"

namespace hoy::net {
namespace {

// The host, as the container reaches it: the gateway of a network that is the host's own.
std::string GatewayOf(const NetworkStatus& status) {
  for (const Endpoint& endpoint : status.endpoints) {
    if (endpoint.link.empty()) continue;
    for (const auto& address : {endpoint.v4, endpoint.v6}) {
      if (address && address->gateway) return address->gateway->ToString();
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
  std::string hosts = core::HostsText(record.config, GatewayOf(status));
  if (!status.endpoints.empty()) hosts = WithMembers(hosts, MembersText(status, {}));
  TRY(write("hosts", hosts));
  if (!WantsResolver(status)) {
    return write("resolv.conf", core::ResolvText(config, core::HostResolvText()));
  }
  TRY(WriteServersFile(layout, record, status));
  return write("resolv.conf", core::ResolvText(config, core::HostResolvText(), kResolverAddress));
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
