#pragma once
// Networks as the verbs show and choose them: those on disk, and the two that are only words.

#include <string>
#include <string_view>
#include <vector>

#include "cli/ui/filter.h"
#include "cli/ui/format.h"
#include "core/state/layout.h"
#include "net/state/network_store.h"

namespace hoy::cli {

// By name, with the default one, which is made for that where a subnet is free; `host` and `none`
// have the driver of their name.
Result<std::vector<net::NetworkRecord>> AllNetworks(const core::Layout& layout);
// By name or id, the two words included. kNotFound.
Result<net::NetworkRecord> FindAnyNetwork(const core::Layout& layout, std::string_view name_or_id);
bool IsPredefined(const net::NetworkRecord& network);  // bridge, host, none

// The containers on it that run: their ids. Heals those that do not, any more.
Result<std::vector<std::string>> MembersOf(const core::Layout& layout,
                                           const net::NetworkRecord& network);

// Keys: name id driver label type (custom builtin) scope until dangling label!.
class NetworkFilters {
 public:
  static Result<NetworkFilters> Parse(const std::vector<std::string>& texts,
                                      std::initializer_list<std::string_view> known);
  Result<bool> Match(const core::Layout& layout, const net::NetworkRecord& network) const;

 private:
  Filters filters_;
  core::Timestamp before_ = INT64_MAX;
};

Result<Json> InspectNetwork(const core::Layout& layout, const net::NetworkRecord& network);

}  // namespace hoy::cli
