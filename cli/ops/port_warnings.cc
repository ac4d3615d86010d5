#include "cli/ops/port_warnings.h"

#include <fcntl.h>

#include <set>

#include "core/sys/files.h"
#include "net/attach/network_options.h"
#include "net/firewall/firewall.h"
#include "net/firewall/other_rules.h"
#include "net/state/network_store.h"

namespace hoy::cli {

namespace {

constexpr std::string_view kWayOut = "way-out";

std::string ToldPath(const Context& context, std::string_view what) {
  return fmt::format("{}/{}-told", context.layout.run, what);
}

// Whether nobody was told of it since the host was booted. Now somebody is.
bool IsFirst(const Context& context, std::string_view what) {
  return core::OpenAt(core::kCwd, ToldPath(context, what), O_WRONLY | O_CREAT | O_EXCL, 0600)
      .has_value();
}

void WarnOfIptables(Context& context) {
  const std::string& program = net::Firewall::FellBackTo();
  if (program.empty()) return;
  if (!IsFirst(context, "iptables")) return;
  context.Warn(fmt::format(
      "the kernel has no nf_tables: networks and published ports are done with {}, which is slower",
      program));
}

}  // namespace

void WarnOfBlockers(Context& context, const core::ContainerRecord& record) {
  if (record.config.network.attachments.empty()) return;
  WarnOfIptables(context);
  bool publishes = !record.config.network.ports.empty();
  if (!publishes && core::Exists(ToldPath(context, kWayOut))) return;
  std::set<std::string> seen;
  for (const core::NetworkAttachment& attachment : record.config.network.attachments) {
    auto network = net::ReadNetwork(context.layout, attachment.network);
    if (!network || !net::HasBridge(*network)) continue;
    if (!publishes && network->internal) continue;
    auto blockers = net::FindBlockers(network->Bridge());
    if (!blockers) continue;
    for (const net::Blocker& blocker : *blockers) {
      // An IPv6 table is in nobody's way where there is no IPv6.
      if (blocker.family == "ip6" && !network->ipv6) continue;
      std::string text =
          fmt::format("rules of {} (chain {} of table {} {}) keep {}: {}", blocker.owner,
                      blocker.chain, blocker.family, blocker.table,
                      publishes ? "others from the published ports; to let them in"
                                : "containers from what is beyond the host; to let them out",
                      blocker.remedy);
      if (!publishes && seen.empty() && !IsFirst(context, kWayOut)) return;
      if (seen.insert(text).second) context.Warn(text);
    }
  }
}

}  // namespace hoy::cli
