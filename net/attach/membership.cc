#include "net/attach/membership.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "core/base/fail_point.h"
#include "core/engine/attach.h"
#include "core/engine/lifecycle.h"
#include "core/engine/rewiring.h"
#include "core/state/container_record.h"
#include "core/sys/process.h"
#include "net/attach/endpoint.h"
#include "net/attach/etc_files.h"
#include "net/attach/held_ports.h"
#include "net/attach/host_network.h"
#include "net/attach/names.h"
#include "net/attach/network_events.h"
#include "net/attach/network_options.h"
#include "net/attach/network_status.h"
#include "net/attach/publish.h"
#include "net/attach/resolver_sockets.h"

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

// Of one that runs, and publishes something.
Result<std::optional<core::Rewiring>> BeginRewiring(const core::Layout& layout,
                                                    const Subject& subject) {
  if (!subject.status || subject.record.config.network.ports.empty()) return std::nullopt;
  TRY(core::Rewiring rewiring, core::Rewiring::Begin(layout, subject.record.id));
  return std::optional<core::Rewiring>(std::move(rewiring));
}

Attachments::iterator Find(Attachments& attachments, std::string_view network) {
  return std::ranges::find(attachments, network, &core::NetworkAttachment::network);
}

Result<RouteSocket> InsideOf(const Subject& subject) {
  TRY(Fd fd, core::OpenProcessFile(subject.init, "ns/net", O_RDONLY));
  return RouteSocket::OpenIn(fd);
}

// The container may have links of its own making.
Result<std::string> FreeInside(const NetworkStatus& status, RouteSocket& inside) {
  for (int number = 0;; ++number) {
    std::string name = fmt::format("eth{}", number);
    auto recorded = std::ranges::find(status.endpoints, name, &Endpoint::inside);
    if (recorded != status.endpoints.end()) continue;
    auto link = inside.FindLink(name);
    if (link) continue;
    if (link.error().kind == ErrorKind::kNotFound) return name;
    return Fail(std::move(link).error());
  }
}

// Sockets for questions by DNS, which the monitor answers from here on. Nobody asks there before
// resolv.conf says so.
Result<> GiveResolver(const core::Layout& layout, const Subject& subject) {
  core::MonitorNetwork network;
  TRY(Fd inside, core::OpenProcessFile(subject.init, "ns/net", O_RDONLY));
  TRY(OpenResolver(inside, network));
  return core::GiveNetwork(layout, subject.record.id, network);
}

// Its ports are those that a start on the networks that it has now would give it. On failure they
// are as before.
Result<> FollowPorts(const core::Layout& layout, const core::ContainerRecord& record,
                     NetworkStatus& status) {
  TRY(std::optional<std::vector<core::PortBinding>> wanted,
      OtherPorts(record.config.network.ports, status));
  if (!wanted) return {};
  // Of a connect that was killed the monitor may hold them already.
  TRY(FreePorts(layout, record.id));
  auto published = PublishPorts(layout, record.id, *wanted, status);
  Result<> given;
  if (!published) {
    given = Fail(published.error());
  } else if (!published->ports.empty()) {
    given = core::GiveNetwork(layout, record.id, published->held, core::kReplacesPorts);
  }
  if (given) {
    std::vector<PublishedPort> before = std::exchange(status.ports, std::move(published->ports));
    std::erase_if(before, [&](const PublishedPort& old) {
      return std::ranges::any_of(status.ports,
                                 [&](const PublishedPort& now) { return Collide(old, now); });
    });
    return before.empty() ? Result<>{} : ReplaceRules(layout, record.id, before, status.ports);
  }
  (void)ReplaceRules(layout, record.id, published ? published->ports : status.ports, status.ports);
  if (published) *published = {};  // they are free
  MoveHeldPorts(layout, record.id, status);
  return given;
}

// What a connect that was killed has left: a link that is named after the lease, or has its
// address.
Result<bool> LeaveUnrecorded(const core::Layout& layout, const Subject& subject,
                             std::string_view name, RouteSocket& host, RouteSocket& inside) {
  auto network = ReadNetwork(layout, name);
  if (!network) {
    return network.error().kind == ErrorKind::kNotFound ? Result<bool>(false)
                                                        : Fail(std::move(network).error());
  }
  TRY(std::vector<Lease> leases, ListLeases(layout, *network));
  std::erase_if(leases,
                [&](const Lease& lease) { return lease.container_id != subject.record.id; });
  if (leases.empty()) return false;
  if (!subject.record.config.network.ports.empty()) {
    TRY(PublishAgain(layout, subject.record.id, *subject.status));
  }
  TRY(std::vector<LinkAddress> addresses, inside.Addresses());
  for (const Lease& lease : leases) {
    if (HasBridge(*network)) TRY(host.DeleteLink(LinkName(*network, lease.address)));
    auto has_it = [&](const LinkAddress& one) { return one.address == lease.address; };
    auto direct = std::ranges::find_if(addresses, has_it);
    if (!HasBridge(*network) && direct != addresses.end()) TRY(inside.DeleteLink(direct->link));
  }
  TRY(FreeLeases(layout, *network, subject.record.id));
  return true;
}

// Of one that runs: ports, link and addresses. Whether it had anything there. Again is success.
Result<bool> Leave(const core::Layout& layout, Subject& subject, std::string_view network) {
  const std::string& id = subject.record.id;
  NetworkStatus& status = *subject.status;
  TRY(RouteSocket host, RouteSocket::Open());
  TRY(RouteSocket inside, InsideOf(subject));
  auto endpoint = std::ranges::find(status.endpoints, network, &Endpoint::network);
  if (endpoint == status.endpoints.end()) {
    return LeaveUnrecorded(layout, subject, network, host, inside);
  }
  Endpoint left = std::move(*endpoint);
  status.endpoints.erase(endpoint);
  std::vector<PublishedPort> before = status.ports;
  TRY(MovePorts(layout, id, status));
  if (status.ports != before) MoveHeldPorts(layout, id, status);
  TRY(Disconnect(layout, left, id, host, inside));
  TRY(WriteNetworkStatus(layout, id, status));
  RecordDisconnect(layout, left, id);
  return true;
}

Result<> Wire(const core::Layout& layout, Subject& subject, const core::NetworkAttachment& wanted) {
  NetworkStatus& status = *subject.status;
  const core::ContainerRecord& record = subject.record;
  TRY(Fd fd, core::OpenProcessFile(subject.init, "ns/net", O_RDONLY));
  TRY(RouteSocket host, RouteSocket::Open());
  TRY(RouteSocket inside, RouteSocket::OpenIn(fd));
  TRY(NetworkRecord network, NeedNetwork(layout, wanted.network, host));
  EndpointRequest request{.container_id = record.id,
                          .inside = "",
                          .names = NamesOf(record, wanted),
                          .default_route4 = status.WayOut(/*v6=*/false) == nullptr,
                          .default_route6 = status.WayOut(/*v6=*/true) == nullptr,
                          .hairpin = !record.config.network.ports.empty(),
                          .network_namespace = fd};
  TRY(request.inside, FreeInside(status, inside));
  auto endpoint = Connect(layout, network, wanted, request, host, inside);
  if (!endpoint) {
    (void)FreeLeases(layout, network, record.id);
    return Fail(std::move(endpoint).error());
  }
  FailPoint("attach-connected");
  RecordNetworkEvent(layout, network, "connect", record.id);
  status.endpoints.push_back(*std::move(endpoint));
  status.exposed = OnlyExposed(record.config);
  TRY(CheckWayToHost(layout, record.config.network, status));
  TRY(NameHost(layout, record, status));
  // A first one that none of them can lead to is an error, as at a start.
  if (status.ports.empty() && !status.endpoints.back().link.empty()) {
    TRY(WishesFor(record.config.network.ports, status));
  }
  TRY(FollowPorts(layout, record, status));
  TRY(WriteNetworkStatus(layout, record.id, status));
  FailPoint("attach-recorded");
  return core::ReplaceRecord(layout, record);
}

// The default route was by the network that it has left: by the next, now.
Result<> MoveDefaultRoutes(const Subject& subject) {
  for (bool v6 : {false, true}) {
    const Endpoint* next = subject.status->WayOut(v6);
    if (next == nullptr) continue;
    TRY(RouteSocket inside, InsideOf(subject));
    TRY(Link link, inside.FindLink(next->inside));
    TRY(AddDefaultRoute(inside, link.index, v6 ? next->v6 : next->v4));
  }
  return {};
}

Result<> ArrangeWithout(const core::Layout& layout, Subject& subject, std::string_view network) {
  TRY(MoveDefaultRoutes(subject));
  TRY(NameHost(layout, subject.record, *subject.status));
  TRY(WriteServers(layout, subject.record, *subject.status));
  TRY(AnnounceMembers(layout, {{std::string(network)}}, subject.record.id));
  std::vector<PublishedPort> before = subject.status->ports;
  TRY(FollowPorts(layout, subject.record, *subject.status));
  if (subject.status->ports == before) return {};
  return WriteNetworkStatus(layout, subject.record.id, *subject.status);
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
  if (!subject.status) return core::ReplaceRecord(layout, subject.record);
  TRY(std::optional<core::Rewiring> rewiring, BeginRewiring(layout, subject));
  bool needs_resolver = wanted.network != kDefaultNetwork && !HasResolver(layout, id);
  TRY(Leave(layout, subject, wanted.network));
  if (needs_resolver) TRY(GiveResolver(layout, subject));
  auto wired = Wire(layout, subject, wanted);
  if (!wired) {
    (void)Leave(layout, subject, wanted.network);
    (void)NameHost(layout, subject.record, *subject.status);
    return wired;
  }
  TRY(needs_resolver ? UseResolver(layout, subject.record, *subject.status)
                     : WriteServers(layout, subject.record, *subject.status));
  return AnnounceMembers(layout, {{wanted.network}}, id);
}

Result<> DisconnectContainer(const core::Layout& layout, std::string_view id,
                             std::string_view network) {
  TRY(Subject subject, Open(layout, id));
  Attachments& attachments = subject.record.config.network.attachments;
  auto found = Find(attachments, network);
  bool was_on_it = found != attachments.end();
  TRY(std::optional<core::Rewiring> rewiring, BeginRewiring(layout, subject));
  if (was_on_it) attachments.erase(found);
  if (subject.status) {
    TRY(bool left, Leave(layout, subject, network));
    was_on_it = was_on_it || left;
  }
  if (!was_on_it) {
    return Fail(ErrorKind::kNotFound, "container '{}' is not on network '{}'", subject.record.name,
                network);
  }
  FailPoint("attach-recorded");
  // The record last: until then it can be called again for what is missing.
  Result<> arranged;
  if (subject.status) arranged = ArrangeWithout(layout, subject, network);
  TRY(core::ReplaceRecord(layout, subject.record));
  return arranged;
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
