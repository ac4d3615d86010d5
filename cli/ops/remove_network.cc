#include "cli/ops/remove_network.h"

#include "cli/ops/network_list.h"
#include "core/state/container_record.h"
#include "net/attach/host_network.h"

namespace hoy::cli {
namespace {

std::string NamesOf(const core::Layout& layout, const std::vector<std::string>& ids) {
  std::vector<std::string> names;
  for (const std::string& id : ids) {
    auto summary = core::ReadSummary(layout, id);
    names.push_back(summary ? summary->name : id);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<> RemoveUnusedNetwork(const core::Layout& layout, const net::NetworkRecord& network) {
  if (IsPredefined(network)) {
    return Fail(ErrorKind::kInvalidArgument, "network '{}' is always there and cannot be removed",
                network.name);
  }
  TRY(std::vector<std::string> members, MembersOf(layout, network));
  if (!members.empty()) {
    return Fail(MakeError(ErrorKind::kConflict, fmt::format("network '{}' is in use by {}",
                                                            network.name, NamesOf(layout, members)))
                    .WithHint("stop the containers, or hoy network disconnect"));
  }
  TRY(net::NetworksLock lock, net::NetworksLock::Acquire(layout));
  // The record first: who starts a container on it now finds none.
  TRY(net::RemoveNetwork(layout, network.name, lock));
  TRY(net::RouteSocket host, net::RouteSocket::Open());
  return net::TakeDown(layout, network, host);
}

}  // namespace hoy::cli
