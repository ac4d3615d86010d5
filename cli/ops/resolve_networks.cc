#include "cli/ops/resolve_networks.h"

#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/attach/host_network.h"
#include "net/netlink/namespace.h"
#include "net/state/network_store.h"

namespace hoy::cli {

Result<> ResolveNetworks(const core::Layout& layout, core::NetworkConfig& config) {
  if (!config.container.empty()) {
    TRY_CONTEXT_SET(config.container, core::FindContainer(layout, config.container), "--network");
  }
  if (!config.path.empty() && !core::Exists(config.path)) {
    return Fail(ErrorKind::kNotFound, "--network 'ns:{}': no such file", config.path);
  }
  if (!config.path.empty()) {
    TRY_CONTEXT(net::OpenNetworkNamespace(config.path), "--network 'ns:{}'", config.path);
  }
  for (core::NetworkAttachment& attachment : config.attachments) {
    if (attachment.network == net::kDefaultNetwork) continue;  // made when it is first needed
    auto network = net::FindNetwork(layout, attachment.network);
    if (!network) {
      bool missing = network.error().kind == ErrorKind::kNotFound;
      Error error = std::move(network).error();
      return missing ? Fail(std::move(error).WithHint(
                           fmt::format("hoy network create {}", attachment.network)))
                     : Fail(std::move(error));
    }
    attachment.network = network->name;
  }
  return {};
}

}  // namespace hoy::cli
