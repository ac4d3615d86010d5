#include "net/attach/leases.h"

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

Result<int> SweepLeases(const core::Layout& layout, const NetworkRecord& network) {
  TRY(std::vector<Lease> leases, ListLeases(layout, network));
  // Healing takes the container's lock, and that comes before this network's: see Attach.
  for (const Lease& lease : leases) (void)core::HealUnlessBusy(layout, lease.container_id);
  TRY(NetworksLock lock, NetworksLock::Acquire(layout));
  auto has_run = [&](std::string_view id) { return core::Exists(layout.RunContainer(id)); };
  return FreeStaleLeases(layout, network, has_run, lock);
}

Result<IpAddress> LeaseAddress(const core::Layout& layout, const NetworkRecord& network,
                               const AddressPool& pool, std::string_view container_id,
                               const std::optional<IpAddress>& wanted) {
  auto taken = TakeLease(layout, network, pool, container_id, wanted);
  if (taken || taken.error().kind != ErrorKind::kConflict) return taken;
  TRY(SweepLeases(layout, network));
  taken = TakeLease(layout, network, pool, container_id, wanted);
  if (taken) return taken;
  return Fail(WithHolder(layout, std::move(taken).error()));
}

}  // namespace hoy::net
