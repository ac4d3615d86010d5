#include "net/state/network_store.h"

#include <algorithm>

#include "core/state/container_id.h"
#include "core/state/id_link.h"
#include "core/sys/files.h"

namespace hoy::net {
namespace {

constexpr std::string_view kRecordSuffix = ".json";
constexpr size_t kLongestRecord = 1 << 20;

std::string RecordPath(const core::Layout& layout, std::string_view name) {
  return layout.Networks() + "/" + std::string(name) + std::string(kRecordSuffix);
}

Result<std::vector<std::string>> NamesOnDisk(const core::Layout& layout) {
  TRY(std::vector<std::string> files, core::ListDirectory(layout.Networks()));
  std::vector<std::string> names;
  for (std::string_view file : files) {
    if (!file.ends_with(kRecordSuffix) || file.starts_with('.')) continue;
    names.emplace_back(file.substr(0, file.size() - kRecordSuffix.size()));
  }
  return names;
}

Result<Fd> OpenLocked(const core::Layout& layout, core::LockMode mode) {
  TRY(core::MakeDirectories(layout.Networks(), 0700));
  TRY(Fd directory, core::OpenDirectory(layout.Networks()));
  TRY(core::LockFile(directory, mode, layout.Networks()));
  return directory;
}

// False: somebody has it. The directory is made by the first lease since the machine came up.
Result<bool> TryTake(const std::string& directory, const IpAddress& address,
                     std::string_view container_id) {
  std::string path = directory + "/" + address.ToString();
  auto taken = core::MakeIdLink(path, container_id);
  if (taken || taken.error().system_errno != ENOENT) return taken;
  TRY(core::MakeDirectories(directory, 0700));
  return core::MakeIdLink(path, container_id);
}

Error InUse(const IpAddress& address, const std::string& holder) {
  Error error = MakeError(ErrorKind::kConflict,
                          holder.empty() ? fmt::format("address {} is in use", address.ToString())
                                         : fmt::format("address {} is in use by container {}",
                                                       address.ToString(), core::ShortId(holder)));
  error.stage = "take address";
  error.subject = holder;
  return error;
}

Result<IpAddress> TakeWanted(const std::string& directory, const AddressPool& pool,
                             std::string_view container_id, const IpAddress& wanted) {
  if (!pool.subnet.Contains(wanted) || wanted < pool.subnet.FirstHost() ||
      wanted > pool.subnet.LastHost()) {
    return Fail(ErrorKind::kInvalidArgument, "address {}: not one for hosts of {}",
                wanted.ToString(), pool.subnet.ToString());
  }
  if (wanted == pool.gateway) return Fail(InUse(wanted, ""));
  TRY(bool taken, TryTake(directory, wanted, container_id));
  if (taken) return wanted;
  TRY(std::string holder, core::ReadIdLink(directory + "/" + wanted.ToString()));
  if (holder == container_id) return wanted;
  return Fail(InUse(wanted, holder));
}

}  // namespace

Result<NetworksLock> NetworksLock::Acquire(const core::Layout& layout) {
  TRY(Fd directory, OpenLocked(layout, core::LockMode::kExclusive));
  return NetworksLock(std::move(directory));
}

Result<LeasesLock> LeasesLock::Acquire(const core::Layout& layout) {
  std::string path = layout.NetworkLeases("");
  TRY(core::MakeDirectories(path, 0700));
  TRY(Fd directory, core::OpenDirectory(path));
  TRY(core::LockFile(directory, core::LockMode::kExclusive, path));
  return LeasesLock(std::move(directory));
}

Result<> CheckNameIsFree(const core::Layout& layout, std::string_view name) {
  if (!core::Exists(RecordPath(layout, name))) return {};
  return Fail(ErrorKind::kAlreadyExists, "network '{}' exists already", name);
}

Result<> CreateNetwork(const core::Layout& layout, const NetworkRecord& record,
                       const NetworksLock&) {
  TRY(CheckNameIsFree(layout, record.name));
  // What a removal that was killed has left.
  TRY(core::RemoveTree(layout.NetworkLeases(record.name)));
  return core::WriteFileAtomically(RecordPath(layout, record.name), EncodeNetwork(record),
                                   core::Durability::kDurable);
}

Result<> RemoveNetwork(const core::Layout& layout, std::string_view name, const NetworksLock&) {
  TRY(core::Unlink(RecordPath(layout, name)));
  return core::RemoveTree(layout.NetworkLeases(name));
}

Result<NetworkRecord> ReadNetwork(const core::Layout& layout, std::string_view name) {
  auto missing = [&] { return Fail(ErrorKind::kNotFound, "no such network: {}", name); };
  if (name.empty() || name.find('/') != std::string_view::npos) return missing();
  auto text = core::ReadFile(RecordPath(layout, name), kLongestRecord);
  if (!text) {
    if (text.error().system_errno == ENOENT) return missing();
    return Fail(std::move(text).error());
  }
  TRY_CONTEXT_SET(NetworkRecord record, DecodeNetwork(*text), "network '{}'", name);
  return record;
}

Result<> CheckIsThere(const core::Layout& layout, const NetworkRecord& network) {
  TRY(NetworkRecord now, ReadNetwork(layout, network.name));
  if (now.id == network.id) return {};
  return Fail(ErrorKind::kNotFound, "no such network: {}", network.name);
}

Result<std::vector<NetworkRecord>> ListNetworks(const core::Layout& layout) {
  TRY(std::vector<std::string> names, NamesOnDisk(layout));
  std::vector<NetworkRecord> networks;
  for (const std::string& name : names) {
    auto record = ReadNetwork(layout, name);
    if (record) {
      networks.push_back(*std::move(record));
      continue;
    }
    ErrorKind kind = record.error().kind;
    bool is_passed_over = kind == ErrorKind::kNotFound || kind == ErrorKind::kCorrupt;
    if (!is_passed_over) return Fail(std::move(record).error());
  }
  return networks;
}

Result<std::vector<std::string>> ListDamagedNetworks(const core::Layout& layout) {
  TRY(std::vector<std::string> names, NamesOnDisk(layout));
  std::erase_if(names, [&](const std::string& name) {
    auto record = ReadNetwork(layout, name);
    return record || record.error().kind != ErrorKind::kCorrupt;
  });
  return names;
}

Result<NetworkRecord> FindNetwork(const core::Layout& layout, std::string_view name_or_id) {
  auto by_name = ReadNetwork(layout, name_or_id);
  if (by_name || by_name.error().kind != ErrorKind::kNotFound || name_or_id.empty()) return by_name;
  TRY(std::vector<NetworkRecord> all, ListNetworks(layout));
  std::erase_if(all, [&](const NetworkRecord& one) { return !one.id.starts_with(name_or_id); });
  if (all.empty()) return by_name;
  if (all.size() == 1) return all.front();
  return Fail(ErrorKind::kConflict, "network id '{}' is ambiguous: {} networks begin with it",
              name_or_id, all.size());
}

Result<std::vector<Lease>> ListLeases(const core::Layout& layout, const NetworkRecord& network) {
  std::string directory = layout.NetworkLeases(network.name);
  TRY(std::vector<std::string> names, core::ListDirectory(directory));
  std::vector<Lease> leases;
  for (const std::string& name : names) {
    auto address = IpAddress::Parse(name);
    if (!address) continue;
    TRY(std::string holder, core::ReadIdLink(directory + "/" + name));
    if (!holder.empty()) leases.push_back({*address, std::move(holder)});
  }
  std::sort(leases.begin(), leases.end(),
            [](const Lease& a, const Lease& b) { return a.address < b.address; });
  return leases;
}

Result<IpAddress> TakeLease(const core::Layout& layout, const NetworkRecord& network,
                            const AddressPool& pool, std::string_view container_id,
                            const std::optional<IpAddress>& wanted,
                            std::span<const IpAddress> reserved) {
  TRY(Fd shared, OpenLocked(layout, core::LockMode::kShared));
  TRY(CheckIsThere(layout, network));
  std::string directory = layout.NetworkLeases(network.name);
  if (wanted) return TakeWanted(directory, pool, container_id, *wanted);
  Subnet range = pool.ip_range.value_or(pool.subnet);
  IpAddress first = std::max(range.first(), pool.subnet.FirstHost());
  IpAddress last = std::min(range.last(), pool.subnet.LastHost());
  TRY(std::vector<std::string> taken, core::ListDirectory(directory));
  std::sort(taken.begin(), taken.end());
  for (std::optional<IpAddress> next = first; next && *next <= last; next = next->Plus(1)) {
    std::string name = next->ToString();
    if (*next == pool.gateway || std::binary_search(taken.begin(), taken.end(), name)) continue;
    if (std::ranges::find(reserved, *next) != reserved.end()) continue;
    TRY(bool done, TryTake(directory, *next, container_id));
    if (done) return *next;
  }
  return Fail(
      MakeError(ErrorKind::kConflict, fmt::format("no free address in {}", range.ToString()))
          .WithHint("remove containers, or make a network with a larger --subnet"));
}

Result<> FreeLease(const core::Layout& layout, std::string_view network, const IpAddress& address,
                   std::string_view container_id) {
  std::string path = layout.NetworkLeases(network) + "/" + address.ToString();
  TRY(std::string holder, core::ReadIdLink(path));
  return holder == container_id ? core::Unlink(path) : Result<>{};
}

Result<> FreeLeases(const core::Layout& layout, const NetworkRecord& network,
                    std::string_view container_id) {
  TRY(std::vector<Lease> leases, ListLeases(layout, network));
  for (const Lease& lease : leases) {
    if (lease.container_id != container_id) continue;
    TRY(core::Unlink(layout.NetworkLeases(network.name) + "/" + lease.address.ToString()));
  }
  return {};
}

Result<int> FreeStaleLeases(const core::Layout& layout, const NetworkRecord& network,
                            const std::function<bool(std::string_view container_id)>& needs,
                            const NetworksLock&) {
  TRY(std::vector<Lease> leases, ListLeases(layout, network));
  int freed = 0;
  for (const Lease& lease : leases) {
    if (needs(lease.container_id)) continue;
    TRY(core::Unlink(layout.NetworkLeases(network.name) + "/" + lease.address.ToString()));
    ++freed;
  }
  return freed;
}

}  // namespace hoy::net
