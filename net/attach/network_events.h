#pragma once
// What happens to networks, for `hoy events`, in docker's words: type "network", actions create,
// connect, disconnect and destroy, attributes name, type (the driver) and container; and prune,
// with reclaimed. Of a network whose record was damaged the id and the driver are not known.

#include <string_view>

#include "core/state/layout.h"
#include "net/attach/network_status.h"
#include "net/state/network_record.h"

namespace hoy::net {

void RecordNetworkEvent(const core::Layout& layout, const NetworkRecord& network,
                        std::string_view action, std::string_view container_id = "");
void RecordNetworkPrune(const core::Layout& layout);
// Of an endpoint that is there no more; its network may be gone, too.
void RecordDisconnect(const core::Layout& layout, const Endpoint& endpoint,
                      std::string_view container_id);

}  // namespace hoy::net
