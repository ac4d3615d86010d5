#include "net/attach/names.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/engine/etc_files.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"
#include "net/attach/host_network.h"
#include "net/state/network_store.h"

namespace hoy::net {
namespace {

constexpr std::string_view kBegin = "# hoy: this container, and who shares a network with it\n";

void AddLines(std::string& text, const Endpoint& endpoint, std::string_view names) {
  if (names.empty()) return;  // --uts host
  for (const auto& address : {endpoint.v4, endpoint.v6}) {
    if (address) text += fmt::format("{}\t{}\n", address->address.ToString(), names);
  }
}

std::vector<std::string>& UnwrittenHosts() {
  static std::vector<std::string> all;
  return all;
}

// It may be gone by now, and whose hosts file is another's learns from that one.
void NoteUnlessGone(const core::Layout& layout, const std::string& id, const Error& error) {
  if (error.system_errno == ENOENT || error.system_errno == ELOOP) return;
  auto summary = core::ReadSummary(layout, id);
  UnwrittenHosts().push_back(
      fmt::format("container '{}' does not learn who is on its networks now: {}",
                  summary ? summary->name : std::string(core::ShortId(id)), error.message));
}

// What a container calls itself, and then what it is called on that network.
std::string WithNamesThere(const std::string& own_names, const Endpoint& endpoint) {
  if (own_names.empty()) return "";
  std::vector<std::string_view> own = Split(own_names, ' ');
  std::string all = own_names;
  for (const std::string& name : endpoint.names) {
    if (std::ranges::find(own, name) == own.end()) all += " " + name;
  }
  return all;
}

// Who is on the networks, as far as it is known: one that is just coming or going is not yet, or no
// more.
class Members {
 public:
  explicit Members(const core::Layout& layout) : layout_(layout) {}

  Result<> Read(const std::string& network) {
    if (ids_.contains(network)) return {};
    std::set<std::string>& ids = ids_[network];
    NetworkRecord record;
    record.name = network;
    TRY(std::vector<Lease> leases, ListLeases(layout_, record));
    for (const Lease& lease : leases) ids.insert(lease.container_id);
    Know(ids);
    return {};
  }

  void Know(const std::set<std::string>& ids) {
    for (const std::string& id : ids) {
      if (statuses_.contains(id)) continue;
      auto status = ReadNetworkStatus(layout_, id);
      if (status && *status) statuses_[id] = **std::move(status);
    }
  }

  const std::set<std::string>& Of(const std::string& network) { return ids_[network]; }
  const NetworkStatus* StatusOf(const std::string& id) const {
    auto found = statuses_.find(id);
    return found == statuses_.end() ? nullptr : &found->second;
  }

  // Of everybody on the named networks of `own`.
  Result<std::vector<Endpoint>> OthersOf(const std::string& own_id, const NetworkStatus& own) {
    std::vector<Endpoint> others;
    for (const std::string& network : NamedNetworks(own)) {
      TRY(Read(network));
      for (const std::string& id : Of(network)) {
        const NetworkStatus* status = id == own_id ? nullptr : StatusOf(id);
        if (status == nullptr) continue;
        auto endpoint = std::ranges::find(status->endpoints, network, &Endpoint::network);
        if (endpoint != status->endpoints.end()) others.push_back(*endpoint);
      }
    }
    return others;
  }

 private:
  const core::Layout& layout_;
  std::map<std::string, std::set<std::string>> ids_;
  std::map<std::string, NetworkStatus> statuses_;
};

}  // namespace

std::vector<std::string> NamedNetworks(const NetworkStatus& status) {
  std::vector<std::string> networks;
  for (const Endpoint& endpoint : status.endpoints) {
    if (endpoint.network != kDefaultNetwork) networks.push_back(endpoint.network);
  }
  return networks;
}

std::string OwnNames(const core::ContainerRecord& record) {
  const core::ContainerConfig& config = record.config;
  if (config.domainname.empty()) return config.hostname;
  return fmt::format("{0}.{1} {0}", config.hostname, config.domainname);
}

std::vector<std::string> NamesOf(const core::ContainerRecord& record,
                                 const core::NetworkAttachment& wanted) {
  std::vector<std::string> names;
  if (wanted.network == kDefaultNetwork) return names;
  names = {record.name, std::string(core::ShortId(record.id))};
  auto add = [&](const std::string& name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  add(record.config.hostname);
  for (const std::string& alias : wanted.aliases) add(alias);
  return names;
}

std::string MembersText(const NetworkStatus& own, std::span<const Endpoint> others) {
  std::string text;
  for (const Endpoint& endpoint : own.endpoints) {
    AddLines(text, endpoint, WithNamesThere(own.own_names, endpoint));
  }
  for (const Endpoint& other : others) {
    AddLines(text, other, Join(other.names, " "));
  }
  return text;
}

std::string WithMembers(std::string_view hosts, std::string_view members) {
  return core::WithBlock(hosts, kBegin, members);
}

Result<> AnnounceMembers(const core::Layout& layout, std::span<const std::string> networks,
                         std::string_view also) {
  if (networks.empty()) return {};
  TRY(LeasesLock lock, LeasesLock::Acquire(layout));
  Members members(layout);
  std::set<std::string> ids;
  if (!also.empty()) {
    ids.emplace(also);
    members.Know(ids);
  }
  for (const std::string& network : networks) {
    TRY(members.Read(network));
    ids.insert(members.Of(network).begin(), members.Of(network).end());
  }
  for (const std::string& id : ids) {
    const NetworkStatus* status = members.StatusOf(id);
    if (status == nullptr) continue;
    TRY(std::vector<Endpoint> others, members.OthersOf(id, *status));
    std::string path = layout.EtcFile(id, "hosts");
    auto hosts = core::ReadEtcFile(path);
    if (!hosts) {
      NoteUnlessGone(layout, id, hosts.error());
      continue;
    }
    std::string text = WithMembers(*hosts, MembersText(*status, others));
    if (text == *hosts) continue;
    auto written = core::WriteInPlace(path, text);
    if (!written) NoteUnlessGone(layout, id, written.error());
  }
  return {};
}

std::vector<std::string> TakeUnwrittenHosts() {
  return std::exchange(UnwrittenHosts(), {});
}

}  // namespace hoy::net
