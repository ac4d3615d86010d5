#include "net/attach/etc_files.h"

#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

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

Result<> Write(const std::string& path, std::string_view text) {
  TRY(Fd fd, core::OpenAt(core::kCwd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  return core::WriteAll(fd, text, path);
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
  std::string directory = layout.RunContainer(record.id);
  if (!config.container.empty()) {
    for (const char* name : {"/hosts", "/resolv.conf"}) {
      std::string from = layout.RunContainer(config.container) + name;
      std::string to = directory + name;
      if (link(from.c_str(), to.c_str()) != 0) return FailErrno("share", from);
    }
    return {};
  }
  std::string hosts = core::HostsText(record.config, GatewayOf(status));
  if (!status.endpoints.empty()) hosts = WithMembers(hosts, MembersText(status, {}));
  TRY(Write(directory + "/hosts", hosts));
  if (!WantsResolver(config, status)) {
    return Write(directory + "/resolv.conf", core::ResolvText(config, core::HostResolvText()));
  }
  TRY(WriteServersFile(layout, record, status));
  return Write(directory + "/resolv.conf",
               core::ResolvText(config, core::HostResolvText(), kResolverAddress));
}

bool WantsResolver(const core::NetworkConfig& config, const NetworkStatus& status) {
  return !NamedNetworks(status).empty() && MayHaveResolver(config);
}

bool MayHaveResolver(const core::NetworkConfig& config) {
  return !core::ServersText(config, "").empty();
}

bool HasResolver(const core::Layout& layout, std::string_view id) {
  return core::Exists(ServersPath(layout, id));
}

Result<> UseResolver(const core::Layout& layout, const core::ContainerRecord& record,
                     const NetworkStatus& status) {
  TRY(WriteServersFile(layout, record, status));
  return core::WriteInPlace(
      layout.RunContainer(record.id) + "/resolv.conf",
      core::ResolvText(record.config.network, core::HostResolvText(), kResolverAddress));
}

Result<> WriteServers(const core::Layout& layout, const core::ContainerRecord& record,
                      const NetworkStatus& status) {
  if (!HasResolver(layout, record.id)) return {};
  return WriteServersFile(layout, record, status);
}

}  // namespace hoy::net
