#include "net/attach/membership.h"

#include <fcntl.h>

#include <algorithm>

#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "core/sys/process.h"
#include "net/attach/endpoint.h"
#include "net/attach/etc_files.h"
#include "net/attach/host_network.h"
#include "net/attach/names.h"
#include "net/attach/network_status.h"
#include "net/attach/publish.h"

namespace hoy::net {
namespace {

using Attachments = std::vector<core::NetworkAttachment>;

// A container under its lock, with what it has of networks now.
struct Subject {
  core::ContainerLock lock;
  core::ContainerRecord record;
  std::optional<NetworkStatus> status;  // while it runs
  core::ProcessIdentity init;
};

Result<Subject> Open(const core::Layout& layout, std::string_view id) {
  TRY(core::Heal(layout, id));
  TRY(core::ContainerLock lock, core::ContainerLock::Acquire(layout, id));
  TRY(core::ContainerRecord record, core::ReadContainer(layout, id));
  if (record.config.namespaces.net != core::NamespaceMode::kPrivate) {
    return Fail(ErrorKind::kConflict,
                "container '{}' has no network of its own: it shares the host's or another's",
                record.name);
  }
  Subject subject{std::move(lock), std::move(record), std::nullopt, {}};
  TRY(core::ContainerStatus now, core::Observe(layout, id, subject.lock));
  if (!now.IsUp() || !now.run) return subject;
  TRY(subject.status, ReadNetworkStatus(layout, id));
  if (!subject.status) subject.status.emplace();
  subject.status->own_names = OwnNames(subject.record);
  subject.init = now.run->init;
  return subject;
}

Attachments::iterator Find(Attachments& attachments, std::string_view network) {
  return std::ranges::find(attachments, network, &core::NetworkAttachment::network);
}

Result<RouteSocket> InsideOf(const Subject& subject) {
  TRY(Fd fd, core::OpenProcessFile(subject.init, "ns/net", O_RDONLY));
  return RouteSocket::OpenIn(fd);
}

std::string FreeInside(const NetworkStatus& status) {
  for (int number = 0;; ++number) {
    std::string name = fmt::format("eth{}", number);
    if (std::ranges::find(status.endpoints, name, &Endpoint::inside) == status.endpoints.end()) {
      return name;
    }
  }
}

bool LeadsOut(const Endpoint& endpoint) {
  return (endpoint.v4 && endpoint.v4->gateway) || (endpoint.v6 && endpoint.v6->gateway);
}

Result<> Wire(const core::Layout& layout, Subject& subject, const core::NetworkAttachment& wanted) {
  NetworkStatus& status = *subject.status;
  TRY(Fd fd, core::OpenProcessFile(subject.init, "ns/net", O_RDONLY));
  TRY(RouteSocket host, RouteSocket::Open());
  TRY(RouteSocket inside, RouteSocket::OpenIn(fd));
  TRY(NetworkRecord network, NeedNetwork(layout, wanted.network, host));
  EndpointRequest request{.container_id = subject.record.id,
                          .inside = FreeInside(status),
                          .names = NamesOf(subject.record, wanted),
                          .default_route = std::ranges::none_of(status.endpoints, LeadsOut),
                          .hairpin = !subject.record.config.network.ports.empty(),
                          .network_namespace = fd};
  auto endpoint = Connect(layout, network, wanted, request, host, inside);
  if (!endpoint) {
    (void)FreeLeases(layout, network, subject.record.id);
    return Fail(std::move(endpoint).error());
  }
  status.endpoints.push_back(*std::move(endpoint));
  return WriteNetworkStatus(layout, subject.record.id, status);
}

// The default route was by the network that it has left: by the next, now.
Result<> MoveDefaultRoute(const Subject& subject) {
  auto next = std::ranges::find_if(subject.status->endpoints, LeadsOut);
  if (next == subject.status->endpoints.end()) return {};
  TRY(RouteSocket inside, InsideOf(subject));
  TRY(Link link, inside.FindLink(next->inside));
  auto added = AddDefaultRoutes(inside, link.index, *next);
  bool has_one = !added && added.error().kind == ErrorKind::kAlreadyExists;
  return has_one ? Result<>{} : added;
}

}  // namespace

Result<> ConnectContainer(const core::Layout& layout, std::string_view id,
                          const core::NetworkAttachment& wanted) {
  TRY(Subject subject, Open(layout, id));
  Attachments& attachments = subject.record.config.network.attachments;
  if (Find(attachments, wanted.network) != attachments.end()) {
    return Fail(ErrorKind::kAlreadyExists, "container '{}' is on network '{}' already",
                subject.record.name, wanted.network);
  }
  attachments.push_back(wanted);
  if (subject.status) TRY(Wire(layout, subject, wanted));
  TRY(core::ReplaceRecord(layout, subject.record));
  if (subject.status) TRY(WriteServers(layout, subject.record, *subject.status));
  return subject.status ? AnnounceMembers(layout, {{wanted.network}}, id) : Result<>{};
}

Result<> DisconnectContainer(const core::Layout& layout, std::string_view id,
                             std::string_view network) {
  TRY(Subject subject, Open(layout, id));
  Attachments& attachments = subject.record.config.network.attachments;
  auto found = Find(attachments, network);
  if (found == attachments.end()) {
    return Fail(ErrorKind::kNotFound, "container '{}' is not on network '{}'", subject.record.name,
                network);
  }
  attachments.erase(found);
  TRY(core::ReplaceRecord(layout, subject.record));
  if (!subject.status) return {};
  std::vector<Endpoint>& endpoints = subject.status->endpoints;
  auto endpoint = std::ranges::find(endpoints, network, &Endpoint::network);
  if (endpoint == endpoints.end()) return {};
  TRY(RouteSocket host, RouteSocket::Open());
  TRY(RouteSocket inside, InsideOf(subject));
  Endpoint left = *endpoint;
  endpoints.erase(endpoint);
  TRY(MovePorts(id, *subject.status));
  TRY(Disconnect(layout, left, id, host, inside));
  TRY(WriteNetworkStatus(layout, id, *subject.status));
  TRY(MoveDefaultRoute(subject));
  TRY(WriteServers(layout, subject.record, *subject.status));
  return AnnounceMembers(layout, {{std::string(network)}}, id);
}

Result<> RenameMember(const core::Layout& layout, std::string_view id) {
  auto opened = Open(layout, id);
  if (!opened) {
    // Then it has no names on any network.
    return opened.error().kind == ErrorKind::kConflict ? Result<>{}
                                                       : Fail(std::move(opened).error());
  }
  Subject subject = *std::move(opened);
  if (!subject.status || NamedNetworks(*subject.status).empty()) return {};
  for (Endpoint& endpoint : subject.status->endpoints) {
    Attachments& attachments = subject.record.config.network.attachments;
    auto wanted = Find(attachments, endpoint.network);
    if (wanted != attachments.end()) endpoint.names = NamesOf(subject.record, *wanted);
  }
  TRY(WriteNetworkStatus(layout, id, *subject.status));
  return AnnounceMembers(layout, NamedNetworks(*subject.status), id);
}

}  // namespace hoy::net
