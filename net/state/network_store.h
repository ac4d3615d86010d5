#pragma once
// Networks and address leases on disk:
//
//   DATA/networks/<name>.json            the record (network_record.h), replaced as one step
//   DATA/networks/owner                  net/attach/link_mark.h
//   RUN/networks/<name>/<ip>             a lease, a symlink to the id of the container that has the
//                                        address: symlink(2) fails with EEXIST, so a lease is its
//                                        own lock, and it is never half written. Leases end with
//                                        the machine, as the links do that they are for.
//
// NetworksLock serializes what looks at all networks before it makes one (subnets must not overlap)
// and what takes leases away from others: the freeing of stale ones and the removal of a network.
// Who takes a lease holds it shared, for that moment alone, and looks at the record under it: so a
// lease is of a network that is there, and stays while a removal looks for leases. Giving back
// one's own needs no lock. The locks of containers come before it.
//
//   | killed after              | left behind          | healed by                   |
//   |---------------------------|----------------------|-----------------------------|
//   | (removal) record unlinked | leases of no network | the next create of the name |
//   | a lease taken             | a lease of nobody    | FreeStaleLeases             |

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/state/network_record.h"

namespace hoy::net {

class NetworksLock {
 public:
  static Result<NetworksLock> Acquire(const core::Layout& layout);

 private:
  explicit NetworksLock(Fd directory) : directory_(std::move(directory)) {}
  Fd directory_;
};

// Held while the names of members are written (net/attach/names.h). Waits.
class LeasesLock {
 public:
  static Result<LeasesLock> Acquire(const core::Layout& layout);

 private:
  explicit LeasesLock(Fd directory) : directory_(std::move(directory)) {}
  Fd directory_;
};

// kAlreadyExists. Under the lock it stays so.
Result<> CheckNameIsFree(const core::Layout& layout, std::string_view name);
// kAlreadyExists: the name is taken. The caller holds the lock.
Result<> CreateNetwork(const core::Layout& layout, const NetworkRecord& record,
                       const NetworksLock& lock);
// Record and leases; again is success. The caller holds the lock and has made sure that no
// container is on it.
Result<> RemoveNetwork(const core::Layout& layout, std::string_view name, const NetworksLock& lock);

// kNotFound: it was removed, and perhaps made anew, since this record of it was read.
Result<> CheckIsThere(const core::Layout& layout, const NetworkRecord& network);
Result<NetworkRecord> ReadNetwork(const core::Layout& layout,
                                  std::string_view name);  // kNotFound, kCorrupt
// By name, id, or an unambiguous prefix of the id. kNotFound, kConflict.
Result<NetworkRecord> FindNetwork(const core::Layout& layout, std::string_view name_or_id);
// By name, without those whose record is damaged: one of them stops no other network.
Result<std::vector<NetworkRecord>> ListNetworks(const core::Layout& layout);
// Their names.
Result<std::vector<std::string>> ListDamagedNetworks(const core::Layout& layout);

struct Lease {
  IpAddress address;
  std::string container_id;
  bool operator==(const Lease&) const = default;
};
Result<std::vector<Lease>> ListLeases(const core::Layout& layout, const NetworkRecord& network);

// The lowest free address of the pool's range that is none of `reserved`, or exactly `wanted`.
// kConflict: it is in use (the error's subject is the id of who has it), or all are. kNotFound:
// CheckIsThere. The caller does not hold the lock.
Result<IpAddress> TakeLease(const core::Layout& layout, const NetworkRecord& network,
                            const AddressPool& pool, std::string_view container_id,
                            const std::optional<IpAddress>& wanted = std::nullopt,
                            std::span<const IpAddress> reserved = {});
// The container's alone: an address that it does not have any more is somebody else's.
Result<> FreeLease(const core::Layout& layout, std::string_view network, const IpAddress& address,
                   std::string_view container_id);
// All that the container has of this network; none is success.
Result<> FreeLeases(const core::Layout& layout, const NetworkRecord& network,
                    std::string_view container_id);
// Of containers that `needs` no more; the number of them. The caller holds the lock.
Result<int> FreeStaleLeases(const core::Layout& layout, const NetworkRecord& network,
                            const std::function<bool(std::string_view container_id)>& needs,
                            const NetworksLock& lock);

}  // namespace hoy::net
