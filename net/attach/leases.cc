#include "net/attach/leases.h"

#include <set>

#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"

namespace hoy::net {
namespace {

Error WithHolder(const core::Layout& layout, Error error) {
  if (error.subject.empty()) return error;
  auto summary = core::ReadSummary(layout, error.subject);
  if (!summary) return error;
  std::string id(core::ShortId(error.subject));
  size_t at = error.message.find(id);
  if (at != std::string::npos) error.message.replace(at, id.size(), "'" + summary->name + "'");
  return error;
}

}  // namespace

Result<> HealHolders(const core::Layout& layout, const NetworkRecord& network) {
  TRY(std::vector<Lease> leases, ListLeases(layout, network));
  for (const Lease& lease : leases) (void)core::HealUnlessBusy(layout, lease.container_id);
  return {};
}

Result<int> SweepLeases(const core::Layout& layout, const NetworkRecord& network) {
  TRY(HealHolders(layout, network));
  TRY(NetworksLock lock, NetworksLock::Acquire(layout));
  return SweepLeases(layout, network, lock);
}

Result<int> SweepLeases(const core::Layout& layout, const NetworkRecord& network,
                        const NetworksLock& lock) {
  auto has_run = [&](std::string_view id) { return core::Exists(layout.RunContainer(id)); };
  return FreeStaleLeases(layout, network, has_run, lock);
}

Result<std::vector<std::string>> HoldersOf(const core::Layout& layout,
                                           const NetworkRecord& network) {
  TRY(std::vector<Lease> leases, ListLeases(layout, network));
  std::set<std::string> ids;
  for (Lease& lease : leases) ids.insert(std::move(lease.container_id));
  return std::vector<std::string>(ids.begin(), ids.end());
}

Result<IpAddress> LeaseAddress(const core::Layout& layout, const NetworkRecord& network,
                               const AddressPool& pool, std::string_view container_id,
                               const std::optional<IpAddress>& wanted,
                               std::span<const IpAddress> reserved) {
  auto taken = TakeLease(layout, network, pool, container_id, wanted, reserved);
  if (taken || taken.error().kind != ErrorKind::kConflict) return taken;
  TRY(SweepLeases(layout, network));
  taken = TakeLease(layout, network, pool, container_id, wanted, reserved);
  if (taken) return taken;
  return Fail(WithHolder(layout, std::move(taken).error()));
}

}  // namespace hoy::net
