#include "net/attach/check.h"

#include <algorithm>
#include <iterator>

#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/state/run_owner.h"
#include "core/sys/files.h"
#include "net/attach/check_orphans.h"
#include "net/attach/host_network.h"
#include "net/attach/leases.h"
#include "net/attach/network_options.h"
#include "net/attach/network_status.h"
#include "net/attach/publish.h"
#include "net/attach/rejoin.h"
#include "net/firewall/forwarding.h"
#include "net/firewall/other_rules.h"

namespace hoy::net {
namespace {

using core::CheckMode;
using core::Finding;

// A container that runs and has networks of its own.
struct Member {
  std::string id;
  std::string object;  // "container 'web'"
  NetworkStatus status;
};

// One that stays as it is while its lock is held.
struct HeldMember {
  core::ContainerLock lock;
  NetworkStatus status;
};

std::vector<Member> ListMembers(const core::Layout& layout) {
  std::vector<Member> members;
  auto ids = core::ListDirectory(layout.RunContainers());
  for (const std::string& id : ids.value_or(std::vector<std::string>{})) {
    auto run = core::Observe(layout, id);
    if (!run || !run->IsUp()) continue;
    auto status = ReadNetworkStatus(layout, id);
    auto summary = core::ReadSummary(layout, id);
    if (!status || !*status || !summary) continue;
    members.push_back({id, fmt::format("container '{}'", summary->name), **std::move(status)});
  }
  return members;
}

class NetworkCheck {
 public:
  NetworkCheck(const core::Layout& layout, CheckMode mode)
      : layout_(layout), mode_(mode), members_(ListMembers(layout)) {}

  std::vector<Finding> Run() && {
    auto networks = ListNetworks(layout_);
    if (!networks) {
      Add("networks", networks.error().message);
      return std::move(findings_);
    }
    LookForDamagedRecords();
    auto host = RouteSocket::Open();
    if (!host) Add("networks", host.error().message);
    for (const NetworkRecord& network : *networks) {
      LookAtLeases(network);
      if (host) LookAtBridge(network, *host);
    }
    LookForLeasesOfNoNetwork();
    LookAtRules(*networks);
    LookAtForwarding();
    for (const NetworkRecord& network : *networks) LookForBlockers(network);
    std::ranges::move(CheckOrphans(layout_, mode_), std::back_inserter(findings_));
    return std::move(findings_);
  }

 private:
  bool mends() const { return mode_ == CheckMode::kMend; }

  void Add(std::string object, std::string_view problem, std::string_view remedy = "") {
    findings_.push_back({std::move(object), std::string(problem), std::string(remedy), false, ""});
  }

  // What was done about the last finding.
  void Note(const Result<>& done) {
    Finding& finding = findings_.back();
    finding.is_mended = done.has_value();
    if (!done) finding.error = done.error().message;
  }

  void LookForDamagedRecords() {
    auto names = ListDamagedNetworks(layout_);
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
      Add(fmt::format("network '{}'", name), "its record is damaged");
      findings_.back().error = "hoy network rm -f " + name;
    }
  }

  // nullopt: it has ended meanwhile, or somebody works on it, and what he is about looks damaged.
  std::optional<HeldMember> Hold(const Member& member) const {
    auto lock = core::ContainerLock::TryAcquire(layout_, member.id);
    if (!lock || !*lock) return std::nullopt;
    auto run = core::Observe(layout_, member.id, **lock);
    if (!run || !run->IsUp()) return std::nullopt;
    auto status = ReadNetworkStatus(layout_, member.id);
    if (!status || !*status) return std::nullopt;
    return HeldMember{*std::move(*lock), **std::move(status)};
  }

  std::optional<HeldMember> Hold(const Member& member, const Endpoint& endpoint) const {
    auto held = Hold(member);
    bool is_on_it = held && std::ranges::any_of(held->status.endpoints, [&](const Endpoint& now) {
                      return now.network_id == endpoint.network_id && now.link == endpoint.link;
                    });
    return is_on_it ? std::move(held) : std::nullopt;
  }

  void LookAtLeases(const NetworkRecord& network) {
    auto leases = ListLeases(layout_, network);
    if (!leases) return Add(ObjectOf(network), leases.error().message);
    auto count = std::ranges::count_if(*leases, [&](const Lease& lease) {
      return !core::Exists(layout_.RunContainer(lease.container_id));
    });
    if (count == 0) return;
    Add(ObjectOf(network), fmt::format("{} of its addresses are leased to nobody", count),
        "given back");
    if (!mends()) return;
    auto swept = SweepLeases(layout_, network);
    Note(swept ? Result<>{} : Fail(std::move(swept).error()));
  }

  // Of members alone: a bridge that nobody is on is made by whoever comes first.
  void LookAtBridge(const NetworkRecord& network, RouteSocket& host) {
    std::vector<std::pair<const Member*, const Endpoint*>> ends;
    for (const Member& member : members_) {
      for (const Endpoint& endpoint : member.status.endpoints) {
        bool is_here = endpoint.network_id == network.id && !endpoint.link.empty();
        if (is_here) ends.emplace_back(&member, &endpoint);
      }
    }
    if (ends.empty()) return;
    auto bridge = host.FindLink(network.Bridge());
    if (!bridge || !bridge->up) {
      // While one is held to it, nobody removes the network.
      std::optional<HeldMember> held;
      for (const auto& [member, endpoint] : ends) {
        held = Hold(*member, *endpoint);
        if (held) break;
      }
      bridge = host.FindLink(network.Bridge());
      if (!held || (bridge && bridge->up)) return;
      Add(ObjectOf(network), fmt::format("its bridge {} is gone", network.Bridge()), "made again");
      if (!mends()) return;
      bridge = NeedBridge(layout_, network, host);
      Note(bridge ? Result<>{} : Fail(bridge.error()));
      if (!bridge) return;
    }
    for (const auto& [member, endpoint] : ends) LookAtLink(*member, *endpoint, *bridge, host);
  }

  void LookAtLink(const Member& member, const Endpoint& endpoint, const Link& bridge,
                  RouteSocket& host) {
    auto link = host.FindLink(endpoint.link);
    if (link && link->master == bridge.index && link->up) return;
    auto held = Hold(member, endpoint);
    if (!held) return;
    link = host.FindLink(endpoint.link);
    if (link && link->master == bridge.index && link->up) return;
    if (!link) {
      Add(member.object, fmt::format("its link to network '{}' is gone", endpoint.network));
      findings_.back().error = fmt::format("hoy network disconnect {0} {1}, and connect it again",
                                           endpoint.network, core::ShortId(member.id));
      return;
    }
    Add(member.object, fmt::format("its link is not in the bridge of '{}'", endpoint.network),
        "it is again");
    if (mends()) Note(PutIntoBridge(*link, bridge, !held->status.ports.empty(), host));
  }

  // A removal that was killed leaves them.
  void LookForLeasesOfNoNetwork() {
    if (core::OtherRunOwner(layout_)) return;  // they may be of its networks
    auto names = core::ListDirectory(layout_.NetworkLeases(""));
    for (const std::string& name : names.value_or(std::vector<std::string>{})) {
      if (!IsGone(name)) continue;
      auto lock = NetworksLock::Acquire(layout_);
      // Its removal may have been in progress, or there is one by now.
      if (!lock || !core::Exists(layout_.NetworkLeases(name)) || !IsGone(name)) continue;
      Add(fmt::format("network '{}'", name), "its removal was cut off", "removed");
      if (mends()) Note(RemoveNetwork(layout_, name, *lock));
    }
  }

  bool IsGone(const std::string& name) const {
    auto network = ReadNetwork(layout_, name);
    return !network && network.error().kind == ErrorKind::kNotFound;
  }

  void LookAtRules(std::span<const NetworkRecord> networks) {
    if (members_.empty() && networks.empty()) return;
    auto firewall = Firewall::Open();
    if (!firewall) {
      if (!members_.empty()) Add("firewall", firewall.error().message);
      return;
    }
    if (LooksDamaged(networks, *firewall)) {
      Add("firewall", "rules of hoy's are missing", "made again");
      if (mends()) Note(RestoreRules(layout_, *firewall));
    }
    LookAtPorts(*firewall);
  }

  // Other programs turn it off, and reloads of sysctl.conf.
  void LookAtForwarding() {
    for (bool v6 : {false, true}) {
      auto needs_it = [&](const Endpoint& endpoint) {
        const auto& address = v6 ? endpoint.v6 : endpoint.v4;
        return address && address->gateway && !endpoint.link.empty();
      };
      bool is_needed = std::ranges::any_of(members_, [&](const Member& member) {
        return std::ranges::any_of(member.status.endpoints, needs_it);
      });
      if (!is_needed || IsForwardingAllowed(v6).value_or(true)) continue;
      Add("host",
          fmt::format("{} is off: containers reach nobody beyond it by IPv{}",
                      v6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward", v6 ? 6 : 4),
          "on again");
      if (mends()) Note(AllowForwarding(v6));
    }
  }

  // Others' rules are others': what lets the network through is for them to do.
  void LookForBlockers(const NetworkRecord& network) {
    if (!HasBridge(network)) return;
    bool has_members = false, publishes = false;
    for (const Member& member : members_) {
      auto is_here = [&](const Endpoint& endpoint) { return endpoint.network_id == network.id; };
      if (std::ranges::none_of(member.status.endpoints, is_here)) continue;
      has_members = true;
      publishes = publishes || !member.status.ports.empty();
    }
    if (!has_members || (network.internal && !publishes)) return;
    auto blockers = FindBlockers(network.Bridge());
    if (!blockers) return Add(ObjectOf(network), blockers.error().message);
    for (const Blocker& blocker : *blockers) {
      if (blocker.family == "ip6" && !network.ipv6) continue;
      bool of_published = publishes && blocker.published;
      if (!of_published && (network.internal || !blocker.outgoing)) continue;
      Add(ObjectOf(network), Describe(blocker, of_published));
      findings_.back().error = blocker.remedy;
    }
  }

  // A table is there from the first start on a network on: without members it need not be.
  bool LooksDamaged(std::span<const NetworkRecord> networks, Firewall& firewall) const {
    for (const NetworkRecord& network : networks) {
      bool is_used = std::ranges::any_of(members_, [&](const Member& member) {
        return std::ranges::any_of(member.status.endpoints, [&](const Endpoint& endpoint) {
          return endpoint.network_id == network.id && !endpoint.link.empty();
        });
      });
      if (!is_used) continue;
      if (!firewall.IsWhole().value_or(true)) return true;
      if (!firewall.HasNetwork(RulesOf(network)).value_or(true)) return true;
    }
    return false;
  }

  static const PublishedPort* FirstUnpublished(std::string_view id, const NetworkStatus& status,
                                               std::span<const OwnedPort> published) {
    for (const PublishedPort& port : status.ports) {
      auto is_it = [&](const OwnedPort& one) { return one.container_id == id && one.port == port; };
      if (IsByRules(port) && std::ranges::none_of(published, is_it)) return &port;
    }
    return nullptr;
  }

  void LookAtPorts(Firewall& firewall) {
    auto published = firewall.Published();
    if (!published) return Add("firewall", published.error().message);
    for (const Member& member : members_) {
      if (FirstUnpublished(member.id, member.status, *published) == nullptr) continue;
      auto held = Hold(member);
      auto now = firewall.Published();
      if (!held || !now) continue;
      const PublishedPort* port = FirstUnpublished(member.id, held->status, *now);
      if (port == nullptr) continue;
      Add(member.object, fmt::format("its port {} is not published", ToString(*port)),
          "published again");
      if (mends()) Note(firewall.Publish(member.id, held->status.ports));  // all of them
    }
    for (const OwnedPort& one : *published) LookForDeadPort(one, firewall);
  }

  // Of our own containers alone: others may share this firewall from another data root.
  void LookForDeadPort(const OwnedPort& one, Firewall& firewall) {
    auto summary = core::ReadSummary(layout_, one.container_id);
    if (!summary || core::Exists(layout_.RunContainer(one.container_id))) return;
    // It may start just now, or have ended since the ports were listed.
    auto lock = core::ContainerLock::TryAcquire(layout_, one.container_id);
    if (!lock || !*lock || core::Exists(layout_.RunContainer(one.container_id))) return;
    auto now = firewall.Published();
    bool is_there = now && std::ranges::any_of(*now, [&](const OwnedPort& other) {
                      return other.container_id == one.container_id && other.port == one.port;
                    });
    if (!is_there) return;
    Add(fmt::format("container '{}'", summary->name),
        fmt::format("it does not run, and its port {} is published", ToString(one.port)),
        "the port is free");
    if (mends()) Note(firewall.Remove(one.container_id));
  }

  static std::string ObjectOf(const NetworkRecord& network) {
    return fmt::format("network '{}'", network.name);
  }

  const core::Layout& layout_;
  const CheckMode mode_;
  const std::vector<Member> members_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CheckNetworks(const core::Layout& layout, CheckMode mode) {
  return NetworkCheck(layout, mode).Run();
}

}  // namespace hoy::net
