#include "cli/ops/port_warnings.h"

#include <set>

#include "net/attach/network_options.h"
#include "net/firewall/other_rules.h"
#include "net/state/network_store.h"

namespace hoy::cli {

void WarnOfBlockers(Context& context, const core::ContainerRecord& record) {
  if (record.config.network.ports.empty()) return;
  std::set<std::string> seen;
  for (const core::NetworkAttachment& attachment : record.config.network.attachments) {
    auto network = net::ReadNetwork(context.layout, attachment.network);
    if (!network || !net::HasBridge(*network)) continue;
    auto blockers = net::FindBlockers(network->Bridge());
    if (!blockers) continue;
    for (const net::Blocker& blocker : *blockers) {
      // An IPv6 table is in nobody's way where there is no IPv6.
      if (blocker.family == "ip6" && !network->ipv6) continue;
      std::string text = fmt::format(
          "rules of {} (chain {} of table {} {}) keep others from the published ports; to let them "
          "in: {}",
          blocker.owner, blocker.chain, blocker.family, blocker.table, blocker.remedy);
      if (seen.insert(text).second) context.Warn(text);
    }
  }
}

}  // namespace hoy::cli
