#pragma once
// Members of a network find each other by name: the hosts file of each says where the others are,
// without a daemon, and programs need no DNS for it. Whoever joins or leaves writes those of all,
// in place, for the containers have them bound.
//
// Between two marks a file has the container's own lines and those of the other members; what is
// outside of them is the container's, also what it wrote itself. The default network knows no
// names, as docker's.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "net/attach/network_status.h"

namespace hoy::net {

// Of all members of these networks, by what is in their network.json now, and of `also`, which may
// have left. Waits for whoever does the same.
Result<> AnnounceMembers(const core::Layout& layout, std::span<const std::string> networks,
                         std::string_view also = "");
// Whose hosts files could not be written since this was last asked, each with the reason: for a
// person to be told. They are as they were; whoever joins or leaves next tries again.
std::vector<std::string> TakeUnwrittenHosts();
// The networks among these endpoints that know names.
std::vector<std::string> NamedNetworks(const NetworkStatus& status);

// Pure: what a container is called there, by itself and by the others.
std::string OwnNames(const core::ContainerRecord& record);
std::vector<std::string> NamesOf(const core::ContainerRecord& record,
                                 const core::NetworkAttachment& wanted);
// Pure. `others`: who else is on these networks, each with its endpoint there.
std::string MembersText(const NetworkStatus& own, std::span<const Endpoint> others);
// Pure: `hosts` with this between the marks, at the end where there are none (core::WithBlock).
std::string WithMembers(std::string_view hosts, std::string_view members);

}  // namespace hoy::net
