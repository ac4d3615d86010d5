#include "net/attach/driver.h"

#include <fcntl.h>

#include "core/base/fail_point.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"
#include "core/sys/process.h"
#include "net/attach/endpoint.h"
#include "net/attach/etc_files.h"
#include "net/attach/host_network.h"
#include "net/attach/names.h"
#include "net/attach/network_status.h"
#include "net/attach/publish.h"
#include "net/attach/resolver_sockets.h"
#include "net/netlink/namespace.h"

namespace hoy::net {
namespace {

Result<Fd> NamespaceOfContainer(const core::Layout& layout, const std::string& id) {
  TRY(core::ContainerStatus status, core::Observe(layout, id));
  if (status.IsUp() && status.run) {
    auto opened = core::OpenProcessFile(status.run->init, "ns/net", O_RDONLY);
    if (opened || opened.error().kind != ErrorKind::kNotFound) return opened;
  }
  return Fail(MakeError(ErrorKind::kConflict,
                        fmt::format("--network container:{}: it is not running", core::ShortId(id)))
                  .WithHint(fmt::format("hoy start {}", core::ShortId(id))));
}

// Without a status there may still be leases.
Result<> FreeAllLeases(const core::Layout& layout, std::string_view id) {
  TRY(std::vector<NetworkRecord> networks, ListNetworks(layout));
  for (const NetworkRecord& network : networks) TRY(FreeLeases(layout, network, id));
  return {};
}

// What is exposed and not published.
std::vector<std::string> OnlyExposed(const core::ContainerConfig& config) {
  std::vector<std::string> exposed = config.exposed_ports;
  for (const core::PortBinding& binding : config.network.ports) {
    std::erase(exposed, fmt::format("{}/{}", binding.container_port, binding.protocol));
  }
  return exposed;
}

class Networks final : public core::NetworkDriver {
 public:
  Result<Fd> OpenNamespace(const core::Layout& layout,
                           const core::ContainerRecord& record) override {
    const core::NetworkConfig& config = record.config.network;
    if (!config.container.empty()) return NamespaceOfContainer(layout, config.container);
    if (!config.path.empty()) {
      return core::OpenAt(core::kCwd, config.path, O_RDONLY);
    }
    return MakeNetworkNamespace();
  }

  Result<core::MonitorNetwork> Attach(const core::Layout& layout,
                                      const core::ContainerRecord& record,
                                      BorrowedFd network_namespace) override {
    const core::NetworkConfig& config = record.config.network;
    NetworkStatus status;
    status.own_names = OwnNames(record);
    if (!config.attachments.empty()) {
      TRY(RouteSocket host, RouteSocket::Open());
      TRY(RouteSocket inside, RouteSocket::OpenIn(network_namespace));
      for (const core::NetworkAttachment& wanted : config.attachments) {
        TRY(NetworkRecord network, NeedNetwork(layout, wanted.network, host));
        size_t number = status.endpoints.size();
        EndpointRequest request{.container_id = record.id,
                                .inside = fmt::format("eth{}", number),
                                .names = NamesOf(record, wanted),
                                .default_route = number == 0,
                                .hairpin = !config.ports.empty(),
                                .network_namespace = network_namespace};
        TRY(Endpoint endpoint, Connect(layout, network, wanted, request, host, inside));
        FailPoint("attach-connected");
        status.endpoints.push_back(std::move(endpoint));
      }
    }
    TRY(PublishedPorts published, PublishPorts(layout, record.id, config.ports, status));
    status.ports = std::move(published.ports);
    if (!status.endpoints.empty()) status.exposed = OnlyExposed(record.config);
    TRY(WriteNetworkStatus(layout, record.id, status));
    FailPoint("attach-recorded");
    core::MonitorNetwork network;
    network.ports = std::move(published.hold);
    if (WantsResolver(config, status)) TRY(OpenResolver(network_namespace, network));
    TRY(WriteEtcFiles(layout, record, status));
    TRY(AnnounceMembers(layout, NamedNetworks(status), record.id));
    return network;
  }

  core::MonitorNetwork AttachAgain(const core::Layout& layout, const core::ContainerRecord& record,
                                   const core::ProcessIdentity& init) override {
    core::MonitorNetwork network;
    auto status = ReadNetworkStatus(layout, record.id);
    if (status && *status) network.ports = HoldAgain((*status)->ports);
    if (!HasResolver(layout, record.id)) return network;
    auto inside = core::OpenProcessFile(init, "ns/net", O_RDONLY);
    if (!inside || !OpenResolver(*inside, network)) {
      network.datagrams.reset();
      network.listener.reset();
    }
    return network;
  }

  Result<> Detach(const core::Layout& layout, std::string_view id) override {
    auto status = ReadNetworkStatus(layout, id);
    if (!status || !*status) {
      TRY(FreeAllLeases(layout, id));
      return UnpublishPorts(id, {});
    }
    if (!(*status)->ports.empty()) TRY(UnpublishPorts(id, (*status)->ports));
    for (const Endpoint& endpoint : (*status)->endpoints) {
      for (const auto& address : {endpoint.v4, endpoint.v6}) {
        if (address) TRY(FreeLease(layout, endpoint.network, address->address, id));
      }
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
