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
constexpr const char* kIpv6Links = "/proc/sys/net/ipv6/conf";

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

Result<> NeedIpv6() {
  if (core::Exists(kIpv6Links)) return {};
  return Fail(MakeError(ErrorKind::kUnsupported, "the kernel has no IPv6")
                  .WithHint("it was built without, or booted with ipv6.disable=1; hoy network "
                            "create without --ipv6 makes a network of IPv4 alone"));
}

}  // namespace

Result<> AllowForwarding(bool v6) {
  if (v6) TRY(NeedIpv6());
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
  auto localnet = AllowLocalnet(bridge);
  int code = localnet ? 0 : localnet.error().system_errno;
  if (!localnet && code != EROFS && code != EACCES) return localnet;
  if (!v6) return {};
  TRY(NeedIpv6());
  for (const char* name : {"disable_ipv6", "accept_ra"}) {
    auto done = Set(fmt::format("{}/{}/{}", kIpv6Links, bridge, name), "0");
    if (done) continue;
    // Not that of Set: the file goes with the bridge.
    return Fail(std::move(done).error().WithHint(
        "run hoy where /proc/sys can be written; or use a network without IPv6"));
  }
  return {};
}

Result<> AllowLocalnet(std::string_view bridge) {
  return Set(fmt::format("/proc/sys/net/ipv4/conf/{}/route_localnet", bridge), "1");
}

Result<> OpenLoopback6(std::string_view bridge) {
  TRY(RouteSocket route, RouteSocket::Open());
  TRY(Link link, route.FindLink(bridge));
  auto done = route.AddLocalRoute(link.index, *IpAddress::Parse("::1"));
  if (done || done.error().kind == ErrorKind::kAlreadyExists) return {};
  return done;
}

}  // namespace hoy::net
