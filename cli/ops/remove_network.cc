#include "cli/ops/remove_network.h"

#include "cli/ops/network_list.h"
#include "core/base/text.h"
#include "core/state/container_record.h"
#include "net/attach/host_network.h"
#include "net/attach/leases.h"
#include "net/attach/network_events.h"

namespace hoy::cli {
namespace {

std::string NamesOf(const core::Layout& layout, const std::vector<std::string>& ids) {
  std::vector<std::string> names;
  for (const std::string& id : ids) {
    auto summary = core::ReadSummary(layout, id);
    names.push_back(summary ? summary->name : id);
  }
  return Join(names, ", ");
}

Result<> CheckIsUnused(const core::Layout& layout, const net::NetworkRecord& network,
                       const net::NetworksLock& lock) {
  // Under the lock: nobody takes a lease while it is held.
  TRY(net::SweepLeases(layout, network, lock));
  TRY(std::vector<std::string> members, net::HoldersOf(layout, network));
  if (members.empty()) return {};
  return Fail(MakeError(ErrorKind::kConflict, fmt::format("network '{}' is in use by {}",
                                                          network.name, NamesOf(layout, members)))
                  .WithHint("stop the containers, or hoy network disconnect"));
}

}  // namespace

Result<> RemoveUnusedNetwork(const core::Layout& layout, const net::NetworkRecord& network) {
  if (IsPredefined(network)) {
    return Fail(ErrorKind::kInvalidArgument, "network '{}' is always there and cannot be removed",
                network.name);
  }
  TRY(net::HealHolders(layout, network));
  TRY(net::NetworksLock lock, net::NetworksLock::Acquire(layout));
  TRY(net::CheckIsThere(layout, network));
  TRY(CheckIsUnused(layout, network, lock));
  // The record first: who starts a container on it now finds none.
  TRY(net::RemoveNetwork(layout, network.name, lock));
  net::RecordNetworkEvent(layout, network, "destroy");
  TRY(net::RouteSocket host, net::RouteSocket::Open());
  return net::TakeDown(layout, network, host);
}

Result<> RemoveDamagedNetwork(const core::Layout& layout, const std::string& name) {
  net::NetworkRecord network;  // leases go by the name alone
  network.name = name;
  TRY(net::HealHolders(layout, network));
  TRY(net::NetworksLock lock, net::NetworksLock::Acquire(layout));
  auto now = net::ReadNetwork(layout, name);
  if (now) return Fail(ErrorKind::kConflict, "network '{}' was made again meanwhile", name);
  if (now.error().kind != ErrorKind::kCorrupt) return Fail(std::move(now).error());
  TRY(CheckIsUnused(layout, network, lock));
  TRY(net::RemoveNetwork(layout, name, lock));
  network.driver.clear();  // which nobody knows
  net::RecordNetworkEvent(layout, network, "destroy");
  return {};
}

}  // namespace hoy::cli
