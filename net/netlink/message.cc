#include "net/netlink/message.h"

#include <cstring>

namespace hoy::net {

NetlinkMessage::NetlinkMessage(int type, int flags) {
  nlmsghdr header{};
  header.nlmsg_len = sizeof header;
  header.nlmsg_type = static_cast<uint16_t>(type);
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  bytes_.assign(reinterpret_cast<const char*>(&header), sizeof header);
}

nlmsghdr NetlinkMessage::header() const {
  nlmsghdr header;
  std::memcpy(&header, bytes_.data(), sizeof header);
  return header;
}

void NetlinkMessage::SetHeader(const nlmsghdr& header) {
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkMessage::SetSequence(uint32_t sequence) {
  nlmsghdr changed = header();
  changed.nlmsg_seq = sequence;
  SetHeader(changed);
}

void NetlinkMessage::AddFlags(int flags) {
  nlmsghdr changed = header();
  changed.nlmsg_flags |= static_cast<uint16_t>(flags);
  SetHeader(changed);
}

void NetlinkMessage::Append(std::string_view bytes) {
  bytes_.append(bytes);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  nlmsghdr changed = header();
  changed.nlmsg_len = static_cast<uint32_t>(bytes_.size());
  SetHeader(changed);
}

size_t NetlinkMessage::Begin(int attribute) {
  size_t start = bytes_.size();
  nlattr head{.nla_len = sizeof(nlattr), .nla_type = static_cast<uint16_t>(attribute)};
  Append({reinterpret_cast<const char*>(&head), sizeof head});
  return start;
}

void NetlinkMessage::End(size_t start) {
  auto length = static_cast<uint16_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start, &length, sizeof length);
}

NetlinkMessage& NetlinkMessage::Bytes(int attribute, std::string_view value) {
  size_t start = Begin(attribute);
  Append(value);
  auto length = static_cast<uint16_t>(sizeof(nlattr) + value.size());  // without the padding
  std::memcpy(bytes_.data() + start, &length, sizeof length);
  return *this;
}

NetlinkMessage& NetlinkMessage::Ready(std::string_view attributes) {
  Append(attributes);
  return *this;
}

NetlinkMessage& NetlinkMessage::Text(int attribute, std::string_view value) {
  std::string terminated(value);
  terminated.push_back('\0');
  return Bytes(attribute, terminated);
}

std::optional<Attribute> Attributes::Next() {
  nlattr head;
  if (rest_.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, rest_.data(), sizeof head);
  if (head.nla_len < sizeof head || head.nla_len > rest_.size()) return std::nullopt;
  Attribute attribute{head.nla_type & NLA_TYPE_MASK,
                      rest_.substr(sizeof head, head.nla_len - sizeof head)};
  rest_.remove_prefix(std::min<size_t>(NLA_ALIGN(head.nla_len), rest_.size()));
  return attribute;
}

std::optional<Attribute> Attributes::Find(std::string_view bytes, int type) {
  Attributes attributes(bytes);
  while (auto attribute = attributes.Next()) {
    if (attribute->type == type) return attribute;
  }
  return std::nullopt;
}

}  // namespace hoy::net
