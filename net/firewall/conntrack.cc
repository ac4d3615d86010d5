#include "net/firewall/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>

#include "net/netlink/socket.h"

namespace hoy::net {
namespace {

constexpr std::string_view kStage = "forget connections";

NetlinkMessage Message(int type, int family) {
  NetlinkMessage message((NFNL_SUBSYS_CTNETLINK << 8) | type, 0);
  message.Struct(
      nfgenmsg{.nfgen_family = static_cast<uint8_t>(family), .version = NFNETLINK_V0, .res_id = 0});
  return message;
}

// One direction of a connection.
struct Tuple {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;
};

std::optional<IpAddress> ReadAddress(std::string_view attributes, int v4, int v6) {
  auto value = Attributes::Find(attributes, v4);
  if (!value) value = Attributes::Find(attributes, v6);
  return value ? IpAddress::FromBytes(value->value) : std::nullopt;
}

std::optional<uint16_t> ReadPortOf(std::string_view attributes, int type) {
  auto value = Attributes::Find(attributes, type);
  auto number = value ? value->Number<uint16_t>() : std::nullopt;
  if (!number) return std::nullopt;
  return BigEndian(*number);
}

std::optional<Tuple> ReadTuple(std::string_view attributes, int type) {
  auto tuple = Attributes::Find(attributes, type);
  if (!tuple) return std::nullopt;
  auto ip = Attributes::Find(tuple->value, CTA_TUPLE_IP);
  auto transport = Attributes::Find(tuple->value, CTA_TUPLE_PROTO);
  if (!ip || !transport) return std::nullopt;
  auto source = ReadAddress(ip->value, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  auto destination = ReadAddress(ip->value, CTA_IP_V4_DST, CTA_IP_V6_DST);
  auto number = Attributes::Find(transport->value, CTA_PROTO_NUM);
  auto protocol = number ? number->Number<uint8_t>() : std::nullopt;
  auto from = ReadPortOf(transport->value, CTA_PROTO_SRC_PORT);
  auto to = ReadPortOf(transport->value, CTA_PROTO_DST_PORT);
  if (!source || !destination || !protocol || !from || !to) return std::nullopt;
  return Tuple{*source, *destination, *from, *to, *protocol};
}

bool IsUnsupported(const Error& error) {
  int code = error.system_errno;
  return code == EINVAL || code == EOPNOTSUPP || code == EPROTONOSUPPORT;
}

}  // namespace

std::optional<Connection> DecodeConnection(const Reply& reply) {
  if (reply.type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW)) return std::nullopt;
  std::string_view attributes = reply.AttributesAfter(sizeof(nfgenmsg));
  auto original = ReadTuple(attributes, CTA_TUPLE_ORIG);
  auto answer = ReadTuple(attributes, CTA_TUPLE_REPLY);
  if (!original || !answer) return std::nullopt;
  Connection connection{.destination = original->destination,
                        .destination_port = original->destination_port,
                        .answers_from = answer->source,
                        .answer_port = answer->source_port,
                        .protocol = original->protocol};
  NetlinkMessage key(0, 0);
  size_t header = key.bytes().size();
  for (int type : {CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE}) {
    auto value = Attributes::Find(attributes, type);
    if (!value) continue;
    key.Bytes(type == CTA_TUPLE_ORIG ? type | NLA_F_NESTED : type, value->value);
  }
  connection.key = key.bytes().substr(header);
  return connection;
}

bool IsOf(const Connection& connection, const PublishedPort& port) {
  if (connection.protocol != port.protocol) return false;
  if (connection.destination.is_v6() != port.host.is_v6()) return false;
  bool to_host = connection.destination_port == port.host_port &&
                 (port.host.IsAny() || connection.destination == port.host);
  bool to_container =
      connection.answers_from == port.container && connection.answer_port == port.container_port;
  return to_host || to_container;
}

Result<int> ForgetConnections(std::span<const PublishedPort> ports) {
  int forgotten = 0;
  for (bool v6 : {false, true}) {
    bool wanted = std::ranges::any_of(ports, [&](const PublishedPort& port) {
      return port.host.is_v6() == v6 && port.protocol != IPPROTO_TCP;
    });
    if (!wanted) continue;
    int family = v6 ? AF_INET6 : AF_INET;
    TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_NETFILTER));
    auto replies = socket.Dump(Message(IPCTNL_MSG_CT_GET, family), kStage);
    if (!replies && IsUnsupported(replies.error())) return forgotten;
    if (!replies) return Fail(std::move(replies).error());
    for (const Reply& reply : *replies) {
      auto connection = DecodeConnection(reply);
      if (!connection) continue;
      auto is_of = [&](const PublishedPort& port) { return IsOf(*connection, port); };
      if (!std::ranges::any_of(ports, is_of)) continue;
      NetlinkMessage message = Message(IPCTNL_MSG_CT_DELETE, family);
      message.Ready(connection->key);
      auto done = socket.Request(std::move(message), kStage, connection->destination.ToString());
      if (done) ++forgotten;
      // It may have ended by itself.
      if (!done && done.error().system_errno != ENOENT) return Fail(std::move(done).error());
    }
  }
  return forgotten;
}

}  // namespace hoy::net
