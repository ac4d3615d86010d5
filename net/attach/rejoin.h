#pragma once
// Links of members that have lost their bridge: somebody took it away while they ran.

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/netlink/route.h"
#include "net/state/network_record.h"

namespace hoy::net {

// Into the bridge and up; with `hairpin` it may come by its own ports.
Result<> PutIntoBridge(const Link& link, const Link& bridge, bool hairpin, RouteSocket& host);

// Those of all members, into the bridge that is made anew. One whose link is gone as well is left
// to `hoy system check`, which says so.
Result<> RejoinMembers(const core::Layout& layout, const NetworkRecord& network, const Link& bridge,
                       RouteSocket& host);

}  // namespace hoy::net
