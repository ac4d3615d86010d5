#include "net/attach/check_orphans.h"

#include <algorithm>
#include <set>

#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/attach/link_mark.h"
#include "net/attach/network_options.h"
#include "net/attach/network_status.h"
#include "net/attach/publish.h"
#include "net/netlink/route.h"
#include "net/state/network_store.h"

namespace hoy::net {
namespace {

using core::CheckMode;
using core::Finding;

// The VLAN itself, or what one of its own is on.
bool IsParentOf(const NetworkRecord& network, const std::string& link) {
  if (HasBridge(network)) return false;
  std::string parent = ParentOf(network);
  auto vlan = ParseVlanName(parent);
  return parent == link || (vlan && vlan->link == link);
}

class OrphanCheck {
 public:
  OrphanCheck(const core::Layout& layout, CheckMode mode) : layout_(layout), mode_(mode) {}

  std::vector<Finding> Run() && {
    auto ids = core::ListDirectory(layout_.RunContainers());
    for (const std::string& id : ids.value_or(std::vector<std::string>{})) LookAtContainer(id);
    LookAtLinks();
    return std::move(findings_);
  }

 private:
  void LookAtContainer(const std::string& id) {
    auto status = ReadNetworkStatus(layout_, id);
    if (!status || !*status) return;
    for (const Endpoint& endpoint : (*status)->endpoints) used_ids_.insert(endpoint.network_id);
    if (std::ranges::none_of((*status)->endpoints, IsCutOff())) return;
    // Again under its lock: it may be just leaving a network that is removed then.
    auto lock = core::ContainerLock::TryAcquire(layout_, id);
    if (!lock || !*lock) return;
    auto run = core::Observe(layout_, id, **lock);
    status = ReadNetworkStatus(layout_, id);
    auto summary = core::ReadSummary(layout_, id);
    if (!run || !run->IsUp() || !status || !*status || !summary) return;
    for (const Endpoint& endpoint : (*status)->endpoints) {
      if (!IsCutOff()(endpoint)) continue;
      findings_.push_back({.object = fmt::format("container '{}'", summary->name),
                           .problem = fmt::format("its network '{}' is gone", endpoint.network),
                           .remedy = "",
                           .error = fmt::format("hoy network disconnect {} {}", endpoint.network,
                                                core::ShortId(id))});
    }
  }

  std::function<bool(const Endpoint&)> IsCutOff() const {
    return [this](const Endpoint& endpoint) {
      auto network = ReadNetwork(layout_, endpoint.network);
      if (network) return network->id != endpoint.network_id;
      return network.error().kind == ErrorKind::kNotFound;
    };
  }

  void LookAtLinks() {
    auto host = RouteSocket::Open();
    if (!host || Orphans(*host).empty()) return;
    // Again under the lock: then no removal is at work.
    auto lock = NetworksLock::Acquire(layout_);
    if (!lock) return;
    for (const Link& link : Orphans(*host)) {
      auto mark = ReadMark(link.alias);
      findings_.push_back({.object = fmt::format("network '{}'", mark->network),
                           .problem = fmt::format("its removal left link {}", link.name),
                           .remedy = "removed",
                           .error = ""});
      if (mode_ != CheckMode::kMend) continue;
      auto removed = Remove(link, mark->network_id, *host);
      findings_.back().is_mended = removed.has_value();
      if (!removed) findings_.back().error = removed.error().message;
    }
  }

  // The link last: it is what they are found by.
  static Result<> Remove(const Link& link, const std::string& network_id, RouteSocket& host) {
    if (link.kind == "bridge") TRY(RemoveRules(network_id));
    return host.DeleteLink(link.index);
  }

  std::vector<Link> Orphans(RouteSocket& host) const {
    auto links = host.Links();
    auto networks = ListNetworks(layout_);
    auto damaged = ListDamagedNetworks(layout_);
    auto owner = OwnerOf(layout_);
    if (!links || !networks || !damaged || !owner) return {};
    std::set<int> masters;
    for (const Link& link : *links) masters.insert(link.master);
    std::erase_if(*links, [&](const Link& link) {
      auto mark = ReadMark(link.alias);
      if (!mark || mark->owner != *owner) return true;
      if (link.kind != "bridge" && link.kind != "vlan") return true;
      if (masters.contains(link.index)) return true;  // somebody is on it
      if (used_ids_.contains(mark->network_id)) return true;
      if (std::ranges::find(*damaged, mark->network) != damaged->end()) return true;
      return std::ranges::any_of(*networks, [&](const NetworkRecord& network) {
        return network.id == mark->network_id || IsParentOf(network, link.name);
      });
    });
    return *std::move(links);
  }

  const core::Layout& layout_;
  const CheckMode mode_;
  std::set<std::string> used_ids_;  // of networks that containers are on
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CheckOrphans(const core::Layout& layout, CheckMode mode) {
  return OrphanCheck(layout, mode).Run();
}

}  // namespace hoy::net
