#pragma once
// Whose a link of the host is: the alias (ip-link(8)) of those that hoy makes for a network. A path
// would not tell: another mount namespace has another DATA there.

#include <optional>
#include <string>
#include <string_view>

#include "core/state/layout.h"
#include "net/state/network_record.h"

namespace hoy::net {

// DATA/networks/owner: a symlink to a random name of this DATA, made with its first mark. nullopt:
// it has marked nothing yet.
std::optional<std::string> OwnerOf(const core::Layout& layout);

// "hoy network <name> <id> <owner>"; without the last two where they do not fit.
std::string MarkOf(const core::Layout& layout, const NetworkRecord& network);
bool IsMark(std::string_view alias);  // any hoy's

struct LinkMark {
  std::string network;
  std::string network_id;
  std::string owner;  // of an older hoy: its DATA
  bool operator==(const LinkMark&) const = default;
};
// nullopt: none, or one that does not say all.
std::optional<LinkMark> ReadMark(std::string_view alias);

}  // namespace hoy::net
