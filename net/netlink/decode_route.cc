#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

#include "net/netlink/route.h"

namespace hoy::net {
namespace {

int NumberOf(std::string_view attributes, int type) {
  auto attribute = Attributes::Find(attributes, type);
  return attribute ? attribute->Number<int>().value_or(0) : 0;
}

std::string TextOf(std::string_view attributes, int type) {
  auto attribute = Attributes::Find(attributes, type);
  return attribute ? std::string(attribute->Text()) : std::string();
}

std::optional<IpAddress> AddressOf(std::string_view attributes, int type) {
  auto attribute = Attributes::Find(attributes, type);
  return attribute ? IpAddress::FromBytes(attribute->value) : std::nullopt;
}

// Of several next hops the first one's that has one. An IPv4 route may have one of IPv6 (RTA_VIA).
std::optional<IpAddress> GatewayOf(std::string_view attributes) {
  if (auto gateway = AddressOf(attributes, RTA_GATEWAY)) return gateway;
  auto via = Attributes::Find(attributes, RTA_VIA);
  if (via && via->value.size() > sizeof(rtvia)) {
    return IpAddress::FromBytes(via->value.substr(sizeof(rtvia)));
  }
  auto several = Attributes::Find(attributes, RTA_MULTIPATH);
  std::string_view rest = several ? several->value : std::string_view();
  while (auto hop = Attribute{0, rest}.Number<rtnexthop>()) {
    if (hop->rtnh_len < sizeof *hop || hop->rtnh_len > rest.size()) return std::nullopt;
    auto gateway = GatewayOf(rest.substr(sizeof *hop, hop->rtnh_len - sizeof *hop));
    if (gateway) return gateway;
    rest.remove_prefix(std::min(rest.size(), static_cast<size_t>(RTNH_ALIGN(hop->rtnh_len))));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Link> DecodeLink(const Reply& reply) {
  auto fixed = reply.Fixed<ifinfomsg>();
  if (reply.type != RTM_NEWLINK || !fixed) return std::nullopt;
  std::string_view attributes = reply.AttributesAfter(sizeof *fixed);
  Link link{.index = fixed->ifi_index,
            .name = TextOf(attributes, IFLA_IFNAME),
            .kind = {},
            .alias = TextOf(attributes, IFLA_IFALIAS),
            .mtu = NumberOf(attributes, IFLA_MTU),
            .master = NumberOf(attributes, IFLA_MASTER),
            .peer = 0,
            .parent = 0,
            .up = (fixed->ifi_flags & IFF_UP) != 0,
            .mac = {}};
  if (auto info = Attributes::Find(attributes, IFLA_LINKINFO)) {
    link.kind = TextOf(info->value, IFLA_INFO_KIND);
  }
  if (link.kind == "veth") {
    link.peer = NumberOf(attributes, IFLA_LINK);
  } else {
    link.parent = NumberOf(attributes, IFLA_LINK);
  }
  auto mac = Attributes::Find(attributes, IFLA_ADDRESS);
  if (mac && mac->value.size() == sizeof(MacAddress)) {
    std::copy(mac->value.begin(), mac->value.end(), link.mac.emplace().begin());
  }
  return link;
}

std::optional<LinkAddress> DecodeAddress(const Reply& reply) {
  auto fixed = reply.Fixed<ifaddrmsg>();
  if (reply.type != RTM_NEWADDR || !fixed) return std::nullopt;
  std::string_view attributes = reply.AttributesAfter(sizeof *fixed);
  // Of a point-to-point link IFA_ADDRESS is the other end's.
  auto address = AddressOf(attributes, IFA_LOCAL);
  if (!address) address = AddressOf(attributes, IFA_ADDRESS);
  if (!address) return std::nullopt;
  return LinkAddress{static_cast<int>(fixed->ifa_index), *address, fixed->ifa_prefixlen};
}

std::optional<Route> DecodeRoute(const Reply& reply) {
  auto fixed = reply.Fixed<rtmsg>();
  if (reply.type != RTM_NEWROUTE || !fixed || fixed->rtm_type != RTN_UNICAST ||
      (fixed->rtm_flags & RTM_F_CLONED) != 0) {
    return std::nullopt;
  }
  std::string_view attributes = reply.AttributesAfter(sizeof *fixed);
  int table = NumberOf(attributes, RTA_TABLE);
  if ((table != 0 ? table : fixed->rtm_table) != RT_TABLE_MAIN) return std::nullopt;
  auto destination = AddressOf(attributes, RTA_DST);
  if (!destination) {
    destination = IpAddress::Parse(fixed->rtm_family == AF_INET6 ? "::" : "0.0.0.0");
  }
  return Route{.destination = Subnet(*destination, fixed->rtm_dst_len),
               .gateway = GatewayOf(attributes),
               .link = NumberOf(attributes, RTA_OIF),
               .metric = NumberOf(attributes, RTA_PRIORITY)};
}

}  // namespace hoy::net
