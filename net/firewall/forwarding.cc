#include "net/firewall/forwarding.h"

#include <linux/ipv6_route.h>

#include <charconv>
#include <set>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "net/netlink/route.h"

namespace hoy::net {
namespace {

constexpr const char* kForwarding4 = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* kForwarding6 = "/proc/sys/net/ipv6/conf/all/forwarding";
constexpr std::string_view kIpv6Links = "/proc/sys/net/ipv6/conf";

Result<std::string> ReadSwitch(const std::string& path) {
  TRY(std::string text, core::ReadFile(path));
  return std::string(Trim(text));
}

// No read-only /proc/sys is in the way of what is set already.
Result<> Set(const std::string& path, std::string_view value) {
  TRY(std::string now, ReadSwitch(path));
  if (now == value) return {};
  auto done = core::WriteControlFile(path, value);
  if (done) return {};
  return Fail(std::move(done).error().WithHint(
      fmt::format("write {} to {} on the host; or use --network none or host", value, path)));
}

// Of /proc/net/ipv6_route, whose ninth column is flags (linux/ipv6_route.h) and whose tenth a link.
std::set<std::string> LinksWithAdvertisedRoutes(std::string_view table) {
  std::set<std::string> links;
  for (std::string_view line : Split(table, '\n')) {
    std::vector<std::string_view> columns;
    for (std::string_view column : Split(line, ' ')) {
      if (!column.empty()) columns.push_back(column);
    }
    if (columns.size() < 10) continue;
    uint32_t flags = 0;
    std::from_chars(columns[8].data(), columns[8].data() + columns[8].size(), flags, 16);
    if ((flags & RTF_ADDRCONF) != 0 && (flags & RTF_DEFAULT) != 0) links.emplace(columns[9]);
  }
  return links;
}

Result<> KeepRouterAdvertisements() {
  TRY(std::string table, core::ReadFile("/proc/net/ipv6_route"));
  for (const std::string& link : LinksWithAdvertisedRoutes(table)) {
    std::string path = fmt::format("{}/{}/accept_ra", kIpv6Links, link);
    auto now = ReadSwitch(path);
    // A link that is gone by now needs nothing.
    if (now && *now == "1") TRY(Set(path, "2"));
  }
  return {};
}

}  // namespace

Result<> AllowForwarding(bool v6) {
  TRY(Set(kForwarding4, "1"));
  if (!v6) return {};
  TRY(std::string now, ReadSwitch(kForwarding6));
  if (now == "1") return {};
  TRY(KeepRouterAdvertisements());
  return Set(kForwarding6, "1");
}

Result<bool> IsForwardingAllowed(bool v6) {
  auto now = ReadSwitch(v6 ? kForwarding6 : kForwarding4);
  if (!now) return Fail(std::move(now).error());
  return *now == "1";
}

Result<> PrepareBridge(std::string_view bridge, bool v6) {
  TRY(Set(fmt::format("/proc/sys/net/ipv4/conf/{}/route_localnet", bridge), "1"));
  return v6 ? Set(fmt::format("{}/{}/accept_ra", kIpv6Links, bridge), "0") : Result<>{};
}

Result<> OpenLoopback6(std::string_view bridge) {
  TRY(RouteSocket route, RouteSocket::Open());
  TRY(Link link, route.FindLink(bridge));
  auto done = route.AddLocalRoute(link.index, *IpAddress::Parse("::1"));
  if (done || done.error().kind == ErrorKind::kAlreadyExists) return {};
  return done;
}

}  // namespace hoy::net
