#include "net/attach/driver.h"

#include <fcntl.h>

#include "core/base/fail_point.h"
#include "core/engine/joined_namespaces.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"
#include "core/sys/process.h"
#include "net/attach/endpoint.h"
#include "net/attach/etc_files.h"
#include "net/attach/held_ports.h"
#include "net/attach/host_network.h"
#include "net/attach/names.h"
#include "net/attach/network_events.h"
#include "net/attach/network_status.h"
#include "net/attach/publish.h"
#include "net/attach/resolver_sockets.h"
#include "net/netlink/namespace.h"

namespace hoy::net {
namespace {

// Without a status there may still be leases.
Result<> FreeAllLeases(const core::Layout& layout, std::string_view id) {
  TRY(std::vector<std::string> names, core::ListDirectory(layout.NetworkLeases("")));
  for (std::string& name : names) {
    NetworkRecord network;  // leases go by the name alone
    network.name = std::move(name);
    TRY(FreeLeases(layout, network, id));
  }
  return {};
}

class Networks final : public core::NetworkDriver {
 public:
  Result<Fd> OpenNamespace(const core::Layout& layout,
                           const core::ContainerRecord& record) override {
    const core::NetworkConfig& config = record.config.network;
    if (!config.container.empty()) {
      return core::OpenFileOfContainer(layout, config.container, "ns/net", "--network");
    }
    if (!config.path.empty()) {
      TRY_CONTEXT_SET(Fd opened, OpenNetworkNamespace(config.path), "--network 'ns:{}'",
                      config.path);
      return opened;
    }
    return MakeNetworkNamespace();
  }

  Result<core::MonitorNetwork> Attach(const core::Layout& layout,
                                      const core::ContainerRecord& record,
                                      BorrowedFd network_namespace) override {
    const core::NetworkConfig& config = record.config.network;
    NetworkStatus status;
    status.own_names = OwnNames(record);
    std::vector<NetworkRecord> networks;
    if (!config.attachments.empty()) {
      TRY(RouteSocket host, RouteSocket::Open());
      TRY(RouteSocket inside, RouteSocket::OpenIn(network_namespace));
      for (const core::NetworkAttachment& wanted : config.attachments) {
        TRY(NetworkRecord network, NeedNetwork(layout, wanted.network, host));
        size_t number = status.endpoints.size();
        EndpointRequest request{.container_id = record.id,
                                .inside = fmt::format("eth{}", number),
                                .names = NamesOf(record, wanted),
                                .default_route4 = status.WayOut(/*v6=*/false) == nullptr,
                                .default_route6 = status.WayOut(/*v6=*/true) == nullptr,
                                .hairpin = !config.ports.empty(),
                                .network_namespace = network_namespace};
        TRY(Endpoint endpoint, Connect(layout, network, wanted, request, host, inside));
        FailPoint("attach-connected");
        status.endpoints.push_back(std::move(endpoint));
        networks.push_back(std::move(network));
      }
    }
    TRY(PublishedPorts published, PublishPorts(layout, record.id, config.ports, status));
    status.ports = std::move(published.ports);
    if (!status.endpoints.empty()) status.exposed = OnlyExposed(record.config);
    TRY(WriteNetworkStatus(layout, record.id, status));
    FailPoint("attach-recorded");
    for (const NetworkRecord& network : networks) {
      RecordNetworkEvent(layout, network, "connect", record.id);
    }
    core::MonitorNetwork network = std::move(published.held);
    if (WantsResolver(status)) TRY(OpenResolver(network_namespace, network));
    TRY(WriteEtcFiles(layout, record, status));
    TRY(AnnounceMembers(layout, NamedNetworks(status), record.id));
    return network;
  }

  core::MonitorNetwork AttachAgain(const core::Layout& layout, const core::ContainerRecord& record,
                                   const core::ProcessIdentity& init) override {
    core::MonitorNetwork network;
    auto status = ReadNetworkStatus(layout, record.id);
    if (status && *status) network = HoldAgain((*status)->ports);
    if (!HasResolver(layout, record.id)) return network;
    auto inside = core::OpenProcessFile(init, "ns/net", O_RDONLY);
    if (!inside || !OpenResolver(*inside, network)) {
      network.datagrams.reset();
      network.listener.reset();
    }
    return network;
  }

  Result<> RestorePorts(const core::Layout& layout, const core::ContainerRecord& record) override {
    TRY(std::optional<NetworkStatus> status, ReadNetworkStatus(layout, record.id));
    return status ? PublishAgain(layout, record.id, *status) : Result<>{};
  }

  Result<> Detach(const core::Layout& layout, std::string_view id) override {
    auto status = ReadNetworkStatus(layout, id);
    if (!status || !*status) {
      TRY(FreeAllLeases(layout, id));
      return RemoveRules(id);
    }
    if (!(*status)->ports.empty()) TRY(RemoveRules(id, (*status)->ports));
    for (const Endpoint& endpoint : (*status)->endpoints) {
      for (const auto& address : {endpoint.v4, endpoint.v6}) {
        if (address) TRY(FreeLease(layout, endpoint.network, address->address, id));
      }
      RecordDisconnect(layout, endpoint, id);
    }
    return AnnounceMembers(layout, NamedNetworks(**status));
  }
};

}  // namespace

core::NetworkDriver& Driver() {
  static Networks networks;
  return networks;
}

}  // namespace hoy::net
