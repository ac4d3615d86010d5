#include "net/netlink/route.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "core/base/text.h"

namespace hoy::net {
namespace {

constexpr int kMake = NLM_F_CREATE | NLM_F_EXCL;

std::string_view AsBytes(const MacAddress& mac) {
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

NetlinkMessage LinkMessage(int type, int flags, int index = 0, uint32_t set = 0,
                           uint32_t mask = 0) {
  NetlinkMessage message(type, flags);
  message.Struct(
      ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = set, .ifi_change = mask});
  return message;
}

NetlinkMessage AddressMessage(int type, int flags, int link, const IpAddress& address, int prefix) {
  NetlinkMessage message(type, flags);
  message.Struct(ifaddrmsg{.ifa_family = static_cast<uint8_t>(address.family()),
                           .ifa_prefixlen = static_cast<uint8_t>(prefix),
                           .ifa_flags = static_cast<uint8_t>(address.is_v6() ? IFA_F_NODAD : 0),
                           .ifa_scope = RT_SCOPE_UNIVERSE,
                           .ifa_index = static_cast<uint32_t>(link)});
  message.Bytes(IFA_LOCAL, address.bytes()).Bytes(IFA_ADDRESS, address.bytes());
  bool has_broadcast = !address.is_v6() && prefix < address.bits() - 1;
  if (has_broadcast) message.Bytes(IFA_BROADCAST, Subnet(address, prefix).last().bytes());
  return message;
}

NetlinkMessage RouteMessage(int type, int flags, const Route& route) {
  NetlinkMessage message(type, flags);
  message.Struct(rtmsg{
      .rtm_family = static_cast<uint8_t>(route.destination.first().family()),
      .rtm_dst_len = static_cast<uint8_t>(route.destination.prefix()),
      .rtm_table = RT_TABLE_MAIN,
      .rtm_protocol = RTPROT_STATIC,
      .rtm_scope = static_cast<uint8_t>(
          route.gateway || route.destination.is_v6() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK),
      .rtm_type = RTN_UNICAST,
  });
  if (route.destination.prefix() != 0) message.Bytes(RTA_DST, route.destination.first().bytes());
  if (route.gateway) message.Bytes(RTA_GATEWAY, route.gateway->bytes());
  if (route.link != 0) message.Number(RTA_OIF, route.link);
  if (route.metric != 0) message.Number(RTA_PRIORITY, route.metric);
  return message;
}

std::string Subject(int link) {
  return fmt::format("link {}", link);
}

Result<> CheckName(std::string_view name) {
  if (!name.empty() && name.size() <= kLongestLinkName) return {};
  return Fail(ErrorKind::kInvalidArgument, "link name '{}': 1 to {} characters", name,
              kLongestLinkName);
}

Result<> ContentWhenGone(Result<> result) {
  if (result) return result;
  int code = result.error().system_errno;
  if (code == ENODEV || code == ENOENT || code == ESRCH || code == EADDRNOTAVAIL) return {};
  return result;
}

template <typename T>
std::vector<T> DecodeAll(const std::vector<Reply>& replies,
                         std::optional<T> (*decode)(const Reply&)) {
  std::vector<T> all;
  for (const Reply& reply : replies) {
    if (auto one = decode(reply)) all.push_back(*std::move(one));
  }
  return all;
}

}  // namespace

std::string ToString(const MacAddress& mac) {
  return fmt::format("{:02x}", fmt::join(mac, ":"));
}

std::optional<MacAddress> ParseMac(std::string_view text) {
  MacAddress mac{};
  if (text.size() != mac.size() * 3 - 1) return std::nullopt;
  std::string lower = ToLower(text);
  for (size_t i = 0; i < mac.size(); ++i) {
    std::string_view byte = std::string_view(lower).substr(i * 3, 2);
    if (!IsHex(byte)) return std::nullopt;
    std::from_chars(byte.data(), byte.data() + byte.size(), mac[i], 16);
    if (i != 0 && lower[i * 3 - 1] != ':' && lower[i * 3 - 1] != '-') return std::nullopt;
  }
  return mac;
}

Result<RouteSocket> RouteSocket::Open() {
  TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_ROUTE));
  return RouteSocket(std::move(socket));
}

Result<RouteSocket> RouteSocket::OpenIn(BorrowedFd namespace_fd) {
  TRY(NetlinkSocket socket, NetlinkSocket::OpenIn(namespace_fd, NETLINK_ROUTE));
  return RouteSocket(std::move(socket));
}

Result<> RouteSocket::AddBridge(const BridgeSpec& bridge) {
  TRY(CheckName(bridge.name));
  NetlinkMessage message = LinkMessage(RTM_NEWLINK, kMake);
  message.Text(IFLA_IFNAME, bridge.name);
  if (bridge.mtu != 0) message.Number(IFLA_MTU, static_cast<uint32_t>(bridge.mtu));
  if (bridge.mac) message.Bytes(IFLA_ADDRESS, AsBytes(*bridge.mac));
  message.Nest(IFLA_LINKINFO, [&] {
    message.Text(IFLA_INFO_KIND, "bridge");
    if (bridge.vlan == 0) return;
    message.Nest(IFLA_INFO_DATA, [&] {
      message.Number(IFLA_BR_VLAN_FILTERING, uint8_t{1});
      message.Number(IFLA_BR_VLAN_DEFAULT_PVID, bridge.vlan);
    });
  });
  TRY(socket_.Request(std::move(message), "add bridge", bridge.name));
  return SetAlias(bridge.name, bridge.alias);
}

// A new link takes no alias.
Result<> RouteSocket::SetAlias(std::string_view name, std::string_view alias) {
  if (alias.empty()) return {};
  NetlinkMessage message = LinkMessage(RTM_SETLINK, 0);
  message.Text(IFLA_IFNAME, name).Bytes(IFLA_IFALIAS, alias);
  return socket_.Request(std::move(message), "name the owner of link", name);
}

Result<> RouteSocket::AddSubLink(const SubLinkSpec& link) {
  TRY(CheckName(link.name));
  NetlinkMessage message = LinkMessage(RTM_NEWLINK, kMake);
  message.Text(IFLA_IFNAME, link.name).Number(IFLA_LINK, link.parent);
  if (link.mtu != 0) message.Number(IFLA_MTU, static_cast<uint32_t>(link.mtu));
  if (link.mac) message.Bytes(IFLA_ADDRESS, AsBytes(*link.mac));
  if (link.network_namespace.get() >= 0) {
    message.Number(IFLA_NET_NS_FD, link.network_namespace.get());
  }
  message.Nest(IFLA_LINKINFO, [&] {
    message.Text(IFLA_INFO_KIND, link.kind);
    message.Nest(IFLA_INFO_DATA, [&] {
      auto small = static_cast<uint16_t>(link.mode);
      if (link.kind == "vlan") message.Number(IFLA_VLAN_ID, small);
      if (link.kind == "ipvlan") message.Number(IFLA_IPVLAN_MODE, small);
      if (link.ipvlan_flag != 0) message.Number(IFLA_IPVLAN_FLAGS, link.ipvlan_flag);
      if (link.kind == "macvlan") message.Number(IFLA_MACVLAN_MODE, link.mode);
    });
  });
  TRY(socket_.Request(std::move(message), "add " + link.kind, link.name));
  return SetAlias(link.name, link.alias);
}

Result<> RouteSocket::AddVeth(const VethSpec& veth) {
  TRY(CheckName(veth.name));
  TRY(CheckName(veth.peer_name));
  NetlinkMessage message = LinkMessage(RTM_NEWLINK, kMake, 0, IFF_UP, IFF_UP);
  message.Text(IFLA_IFNAME, veth.name);
  auto mtu = static_cast<uint32_t>(veth.mtu);
  if (mtu != 0) message.Number(IFLA_MTU, mtu);
  if (veth.master != 0) message.Number(IFLA_MASTER, veth.master);
  // Without these the kernel makes queues for all CPUs, takes all but one away again, and waits for
  // an RCU grace period each time: milliseconds.
  auto one_queue = [&] {
    message.Number(IFLA_NUM_TX_QUEUES, uint32_t{1}).Number(IFLA_NUM_RX_QUEUES, uint32_t{1});
  };
  one_queue();
  message.Nest(IFLA_LINKINFO, [&] {
    message.Text(IFLA_INFO_KIND, "veth");
    message.Nest(IFLA_INFO_DATA, [&] {
      message.Nest(VETH_INFO_PEER, [&] {
        message.Struct(ifinfomsg{.ifi_family = AF_UNSPEC});
        message.Text(IFLA_IFNAME, veth.peer_name);
        message.Number(IFLA_NET_NS_FD, veth.peer_namespace.get());
        if (mtu != 0) message.Number(IFLA_MTU, mtu);
        one_queue();
        if (veth.peer_mac) message.Bytes(IFLA_ADDRESS, AsBytes(*veth.peer_mac));
      });
    });
  });
  TRY(socket_.Request(std::move(message), "add veth", veth.name));
  return SetAlias(veth.name, veth.alias);
}

Result<> RouteSocket::DeleteLink(std::string_view name) {
  NetlinkMessage message = LinkMessage(RTM_DELLINK, 0);
  message.Text(IFLA_IFNAME, name);
  return ContentWhenGone(socket_.Request(std::move(message), "delete link", name));
}

Result<> RouteSocket::DeleteLink(int index) {
  return ContentWhenGone(
      socket_.Request(LinkMessage(RTM_DELLINK, 0, index), "delete", Subject(index)));
}

Result<Link> RouteSocket::FindLink(std::string_view name) {
  TRY(CheckName(name));
  NetlinkMessage message = LinkMessage(RTM_GETLINK, 0);
  message.Text(IFLA_IFNAME, name);
  auto reply = socket_.Get(std::move(message), "find link", name);
  if (!reply) {
    bool gone = reply.error().system_errno == ENODEV;
    if (gone) return Fail(std::move(reply).error().WithKind(ErrorKind::kNotFound));
    return Fail(std::move(reply).error());
  }
  if (auto link = DecodeLink(*reply)) return *link;
  return Fail(ErrorKind::kSystem, "find link '{}': not an answer to that", name);
}

Result<std::vector<Link>> RouteSocket::Links() {
  TRY(auto replies, socket_.Dump(LinkMessage(RTM_GETLINK, 0), "list links"));
  return DecodeAll(replies, DecodeLink);
}

Result<> RouteSocket::SetUp(int link, bool up) {
  return socket_.Request(LinkMessage(RTM_SETLINK, 0, link, up ? IFF_UP : 0, IFF_UP),
                         up ? "set up" : "set down", Subject(link));
}

Result<> RouteSocket::ChangeLink(int link, std::string_view stage, int attribute, uint32_t value) {
  NetlinkMessage message = LinkMessage(RTM_SETLINK, 0, link);
  message.Number(attribute, value);
  return socket_.Request(std::move(message), stage, Subject(link));
}

Result<> RouteSocket::SetMtu(int link, int mtu) {
  return ChangeLink(link, "set the mtu of", IFLA_MTU, static_cast<uint32_t>(mtu));
}

Result<> RouteSocket::SetMaster(int link, int master) {
  return ChangeLink(link, "set the bridge of", IFLA_MASTER, static_cast<uint32_t>(master));
}

Result<> RouteSocket::SetHairpin(int link) {
  NetlinkMessage message(RTM_SETLINK, 0);
  message.Struct(ifinfomsg{.ifi_family = AF_BRIDGE, .ifi_index = link});
  message.Nest(IFLA_PROTINFO | NLA_F_NESTED, [&] { message.Number(IFLA_BRPORT_MODE, uint8_t{1}); });
  return socket_.Request(std::move(message), "set hairpin mode of", Subject(link));
}

Result<> RouteSocket::SetName(int link, std::string_view name) {
  TRY(CheckName(name));
  NetlinkMessage message = LinkMessage(RTM_SETLINK, 0, link);
  message.Text(IFLA_IFNAME, name);
  return socket_.Request(std::move(message), "rename", Subject(link));
}

Result<> RouteSocket::AddAddress(int link, const IpAddress& address, int prefix) {
  return socket_.Request(AddressMessage(RTM_NEWADDR, kMake, link, address, prefix), "add address",
                         fmt::format("{}/{}", address.ToString(), prefix));
}

Result<> RouteSocket::DeleteAddress(int link, const IpAddress& address, int prefix) {
  return ContentWhenGone(socket_.Request(AddressMessage(RTM_DELADDR, 0, link, address, prefix),
                                         "delete address",
                                         fmt::format("{}/{}", address.ToString(), prefix)));
}

Result<> RouteSocket::ForgetNeighbour(int link, const IpAddress& address) {
  NetlinkMessage message(RTM_DELNEIGH, 0);
  message.Struct(ndmsg{.ndm_family = static_cast<uint8_t>(address.family()), .ndm_ifindex = link});
  message.Bytes(NDA_DST, address.bytes());
  return ContentWhenGone(
      socket_.Request(std::move(message), "forget neighbour", address.ToString()));
}

Result<std::vector<LinkAddress>> RouteSocket::Addresses() {
  NetlinkMessage message(RTM_GETADDR, 0);
  message.Struct(ifaddrmsg{.ifa_family = AF_UNSPEC});
  TRY(auto replies, socket_.Dump(std::move(message), "list addresses"));
  return DecodeAll(replies, DecodeAddress);
}

Result<> RouteSocket::AddRoute(const Route& route) {
  return socket_.Request(RouteMessage(RTM_NEWROUTE, kMake, route), "add route",
                         route.destination.ToString());
}

Result<> RouteSocket::DeleteRoute(const Route& route) {
  return ContentWhenGone(socket_.Request(RouteMessage(RTM_DELROUTE, 0, route), "delete route",
                                         route.destination.ToString()));
}

Result<> RouteSocket::AddLocalRoute(int link, const IpAddress& address) {
  constexpr int kBehindItsOwn = 2048;  // lo's route to ::1 has to stay the first
  NetlinkMessage message(RTM_NEWROUTE, kMake);
  message.Struct(rtmsg{.rtm_family = static_cast<uint8_t>(address.family()),
                       .rtm_dst_len = static_cast<uint8_t>(address.bits()),
                       .rtm_table = RT_TABLE_LOCAL,
                       .rtm_protocol = RTPROT_STATIC,
                       .rtm_scope = RT_SCOPE_HOST,
                       .rtm_type = RTN_LOCAL});
  message.Bytes(RTA_DST, address.bytes()).Number(RTA_OIF, link);
  message.Number(RTA_PRIORITY, kBehindItsOwn);
  return socket_.Request(std::move(message), "add local route", address.ToString());
}

Result<std::vector<Route>> RouteSocket::Routes() {
  NetlinkMessage message(RTM_GETROUTE, 0);
  message.Struct(rtmsg{.rtm_family = AF_UNSPEC});
  TRY(auto replies, socket_.Dump(std::move(message), "list routes"));
  return DecodeAll(replies, DecodeRoute);
}

}  // namespace hoy::net
