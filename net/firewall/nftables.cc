#include "net/firewall/nftables.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>

#include <algorithm>

namespace hoy::net::nft {
namespace {

// nft(8) keeps a comment as one item of the user data of an element, a rule or a table: type 0,
// length, text and NUL.
constexpr char kCommentItem = 0;
// Of a set's: type 0, the byte order of its keys, 1 for the host's. Without it nft(8) takes a name
// for a number in network order.
constexpr char kByteOrderItem = 0;
constexpr uint32_t kHostOrder = 1;
constexpr int kTypeBits = 6;  // of each part of a concatenated key type

NetlinkMessage Message(int type, int flags, uint8_t family = NFPROTO_INET) {
  NetlinkMessage message((NFNL_SUBSYS_NFTABLES << 8) | type, flags);
  message.Struct(nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0});
  return message;
}

uint32_t Register(int index) {
  return static_cast<uint32_t>(NFT_REG32_00 + index);
}

// nf_tables' numbers of 64 bits do not occur; these are signed ones of 32.
uint32_t Signed(int32_t value) {
  return static_cast<uint32_t>(value);
}

void Value(NetlinkMessage& message, int attribute, std::string_view value) {
  message.Nest(attribute | NLA_F_NESTED, [&] { message.Bytes(NFTA_DATA_VALUE, value); });
}

uint32_t TypeOf(const std::vector<Type>& parts) {
  uint32_t type = 0;
  for (Type part : parts) type = type << kTypeBits | static_cast<uint32_t>(part);
  return type;
}

uint32_t BytesOf(const std::vector<Type>& parts) {
  // A key of one part is as long as its type; of many, each part is padded.
  if (parts.size() == 1 && parts[0] == Type::kService) return 2;
  if (parts.size() == 1 && parts[0] == Type::kProtocol) return 1;
  size_t bytes = 0;
  for (Type part : parts) bytes += RegisterBytes(part);
  return static_cast<uint32_t>(bytes);
}

std::string CommentData(std::string_view comment) {
  std::string data;
  data.push_back(kCommentItem);
  data.push_back(static_cast<char>(comment.size() + 1));
  data.append(comment);
  data.push_back('\0');
  return data;
}

std::string ReadComment(std::string_view data) {
  while (data.size() >= 2) {
    auto length = static_cast<uint8_t>(data[1]);
    if (data.size() < 2u + length) break;
    if (data[0] == kCommentItem) return std::string(Attribute{0, data.substr(2, length)}.Text());
    data.remove_prefix(2u + length);
  }
  return {};
}

std::string ReadValue(std::string_view attributes, int type) {
  auto outer = Attributes::Find(attributes, type);
  if (!outer) return {};
  auto value = Attributes::Find(outer->value, NFTA_DATA_VALUE);
  return value ? std::string(value->value) : std::string();
}

NetlinkMessage ElementMessage(int type, int flags, std::string_view table, std::string_view set,
                              const Element& element) {
  NetlinkMessage message = Message(type, flags);
  message.Text(NFTA_SET_ELEM_LIST_TABLE, table).Text(NFTA_SET_ELEM_LIST_SET, set);
  message.Nest(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, [&] {
    message.Nest(NFTA_LIST_ELEM | NLA_F_NESTED, [&] {
      Value(message, NFTA_SET_ELEM_KEY, element.key);
      if (!element.last_key.empty()) Value(message, NFTA_SET_ELEM_KEY_END, element.last_key);
      if (element.interval_end) message.Big(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
      if (type != NFT_MSG_NEWSETELEM) return;
      if (!element.data.empty()) Value(message, NFTA_SET_ELEM_DATA, element.data);
      if (!element.comment.empty()) {
        message.Bytes(NFTA_SET_ELEM_USERDATA, CommentData(element.comment));
      }
    });
  });
  return message;
}

}  // namespace

size_t RegisterBytes(Type type) {
  if (type == Type::kIpv6Address || type == Type::kInterface) return 16;
  return 4;
}

NetlinkMessage NewTable(std::string_view table, std::string_view comment) {
  NetlinkMessage message = Message(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
  message.Text(NFTA_TABLE_NAME, table).Bytes(NFTA_TABLE_USERDATA, CommentData(comment));
  return message;
}

NetlinkMessage DeleteTable(std::string_view table) {
  NetlinkMessage message = Message(NFT_MSG_DELTABLE, 0);
  message.Text(NFTA_TABLE_NAME, table);
  return message;
}

NetlinkMessage GetTable(std::string_view table) {
  NetlinkMessage message = Message(NFT_MSG_GETTABLE, 0);
  message.Text(NFTA_TABLE_NAME, table);
  return message;
}

std::string DecodeTableComment(const Reply& reply) {
  auto data = Attributes::Find(reply.AttributesAfter(sizeof(nfgenmsg)), NFTA_TABLE_USERDATA);
  return data ? ReadComment(data->value) : std::string();
}

NetlinkMessage GetGeneration() {
  return Message(NFT_MSG_GETGEN, 0);
}

std::optional<uint32_t> DecodeGeneration(const Reply& reply) {
  auto id = Attributes::Find(reply.AttributesAfter(sizeof(nfgenmsg)), NFTA_GEN_ID);
  auto number = id ? id->Number<uint32_t>() : std::nullopt;
  if (!number) return std::nullopt;
  return BigEndian(*number);
}

NetlinkMessage NewChain(std::string_view table, std::string_view chain) {
  NetlinkMessage message = Message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  message.Text(NFTA_CHAIN_TABLE, table).Text(NFTA_CHAIN_NAME, chain);
  return message;
}

NetlinkMessage NewBaseChain(std::string_view table, std::string_view chain, const BaseChain& base) {
  NetlinkMessage message = NewChain(table, chain);
  message.Nest(NFTA_CHAIN_HOOK | NLA_F_NESTED, [&] {
    message.Big(NFTA_HOOK_HOOKNUM, base.hook).Big(NFTA_HOOK_PRIORITY, Signed(base.priority));
  });
  message.Big(NFTA_CHAIN_POLICY, NF_ACCEPT).Text(NFTA_CHAIN_TYPE, base.type);
  return message;
}

NetlinkMessage NewSet(std::string_view table, const SetSpec& set, uint32_t id) {
  NetlinkMessage message = Message(NFT_MSG_NEWSET, NLM_F_CREATE);
  uint32_t flags = 0;
  bool many_parts = set.key.size() > 1;
  if (set.interval) flags |= NFT_SET_INTERVAL;
  if (set.interval && many_parts) flags |= NFT_SET_CONCAT;
  if (!set.data.empty()) flags |= NFT_SET_MAP;
  message.Text(NFTA_SET_TABLE, table).Text(NFTA_SET_NAME, set.name).Big(NFTA_SET_FLAGS, flags);
  message.Big(NFTA_SET_KEY_TYPE, TypeOf(set.key)).Big(NFTA_SET_KEY_LEN, BytesOf(set.key));
  if (!set.data.empty()) {
    message.Big(NFTA_SET_DATA_TYPE, TypeOf(set.data)).Big(NFTA_SET_DATA_LEN, BytesOf(set.data));
  }
  message.Big(NFTA_SET_ID, id);
  if (set.interval && many_parts) {
    message.Nest(NFTA_SET_DESC | NLA_F_NESTED, [&] {
      message.Nest(NFTA_SET_DESC_CONCAT | NLA_F_NESTED, [&] {
        for (Type part : set.key) {
          message.Nest(NFTA_LIST_ELEM | NLA_F_NESTED,
                       [&] { message.Big(NFTA_SET_FIELD_LEN, BytesOf({part})); });
        }
      });
    });
  }
  if (set.key == std::vector{Type::kInterface}) {
    std::string data = {kByteOrderItem, sizeof kHostOrder};
    data.append(reinterpret_cast<const char*>(&kHostOrder), sizeof kHostOrder);
    message.Bytes(NFTA_SET_USERDATA, data);
  }
  return message;
}

NetlinkMessage NewElement(std::string_view table, std::string_view set, const Element& element,
                          bool exclusive) {
  int flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0);
  return ElementMessage(NFT_MSG_NEWSETELEM, flags, table, set, element);
}

NetlinkMessage DeleteElement(std::string_view table, std::string_view set, const Element& element) {
  return ElementMessage(NFT_MSG_DELSETELEM, 0, table, set, element);
}

NetlinkMessage ListElements(std::string_view table, std::string_view set) {
  NetlinkMessage message = Message(NFT_MSG_GETSETELEM, 0);
  message.Text(NFTA_SET_ELEM_LIST_TABLE, table).Text(NFTA_SET_ELEM_LIST_SET, set);
  return message;
}

std::vector<Element> DecodeElements(const Reply& reply) {
  std::vector<Element> elements;
  if (reply.type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM)) return elements;
  auto list =
      Attributes::Find(reply.AttributesAfter(sizeof(nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS);
  if (!list) return elements;
  Attributes each(list->value);
  while (auto one = each.Next()) {
    Element element{.key = ReadValue(one->value, NFTA_SET_ELEM_KEY),
                    .last_key = ReadValue(one->value, NFTA_SET_ELEM_KEY_END),
                    .data = ReadValue(one->value, NFTA_SET_ELEM_DATA)};
    if (auto data = Attributes::Find(one->value, NFTA_SET_ELEM_USERDATA)) {
      element.comment = ReadComment(data->value);
    }
    if (auto flags = Attributes::Find(one->value, NFTA_SET_ELEM_FLAGS)) {
      uint32_t value = BigEndian(flags->Number<uint32_t>().value_or(0));
      element.interval_end = (value & NFT_SET_ELEM_INTERVAL_END) != 0;
    }
    elements.push_back(std::move(element));
  }
  return elements;
}

std::string InterfaceKey(std::string_view name) {
  std::string key(name.substr(0, IFNAMSIZ - 1));
  key.resize(IFNAMSIZ);
  return key;
}

std::string ServiceKey(uint16_t port) {
  return {static_cast<char>(port >> 8), static_cast<char>(port & 0xff), 0, 0};
}

std::string ProtocolKey(uint8_t protocol) {
  return {static_cast<char>(protocol), 0, 0, 0};
}

NetlinkMessage ListChains() {
  return Message(NFT_MSG_GETCHAIN, 0, NFPROTO_UNSPEC);
}

NetlinkMessage ListRules(std::string_view table, uint8_t family) {
  NetlinkMessage message = Message(NFT_MSG_GETRULE, 0, family);
  message.Text(NFTA_RULE_TABLE, table);
  return message;
}

std::optional<RulePlace> DecodeRule(const Reply& reply) {
  if (reply.type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE)) return std::nullopt;
  std::string_view attributes = reply.AttributesAfter(sizeof(nfgenmsg));
  RulePlace place;
  if (auto chain = Attributes::Find(attributes, NFTA_RULE_CHAIN)) place.chain = chain->Text();
  if (auto data = Attributes::Find(attributes, NFTA_RULE_USERDATA)) {
    place.comment = ReadComment(data->value);
  }
  return place;
}

Rule::Rule(std::string_view table, std::string_view chain, std::string_view comment)
    : table_(table), chain_(chain), comment_(comment) {}

Rule& Rule::Add(const char* name, const std::function<void(NetlinkMessage&)>& fill) {
  expressions_.emplace_back(name, fill);
  return *this;
}

NetlinkMessage Rule::Finish() {
  NetlinkMessage message = Message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  message.Text(NFTA_RULE_TABLE, table_).Text(NFTA_RULE_CHAIN, chain_);
  message.Nest(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, [&] {
    for (const auto& expression : expressions_) {
      message.Nest(NFTA_LIST_ELEM | NLA_F_NESTED, [&] {
        message.Text(NFTA_EXPR_NAME, expression.first);
        message.Nest(NFTA_EXPR_DATA | NLA_F_NESTED, [&] { expression.second(message); });
      });
    }
  });
  message.Bytes(NFTA_RULE_USERDATA, CommentData(comment_));
  return message;
}

Rule& Rule::LoadMeta(nft_meta_keys key, int reg) {
  return Add("meta", [=](NetlinkMessage& m) {
    m.Big(NFTA_META_KEY, key).Big(NFTA_META_DREG, Register(reg));
  });
}

Rule& Rule::LoadConntrack(nft_ct_keys key, int reg) {
  return Add("ct",
             [=](NetlinkMessage& m) { m.Big(NFTA_CT_KEY, key).Big(NFTA_CT_DREG, Register(reg)); });
}

Rule& Rule::LoadPayload(nft_payload_bases base, uint32_t offset, uint32_t bytes, int reg) {
  return Add("payload", [=](NetlinkMessage& m) {
    m.Big(NFTA_PAYLOAD_DREG, Register(reg)).Big(NFTA_PAYLOAD_BASE, base);
    m.Big(NFTA_PAYLOAD_OFFSET, offset).Big(NFTA_PAYLOAD_LEN, bytes);
  });
}

Rule& Rule::LoadDestinationType(int reg) {
  return Add("fib", [=](NetlinkMessage& m) {
    m.Big(NFTA_FIB_DREG, Register(reg)).Big(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    m.Big(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  });
}

Rule& Rule::Mask(int reg, std::string_view mask) {
  return Add("bitwise", [reg, mask = std::string(mask)](NetlinkMessage& m) {
    m.Big(NFTA_BITWISE_SREG, Register(reg)).Big(NFTA_BITWISE_DREG, Register(reg));
    m.Big(NFTA_BITWISE_LEN, static_cast<uint32_t>(mask.size()));
    Value(m, NFTA_BITWISE_MASK, mask);
    Value(m, NFTA_BITWISE_XOR, std::string(mask.size(), '\0'));
  });
}

Rule& Rule::Compare(int reg, nft_cmp_ops operation, std::string_view value) {
  return Add("cmp", [=, value = std::string(value)](NetlinkMessage& m) {
    m.Big(NFTA_CMP_SREG, Register(reg)).Big(NFTA_CMP_OP, operation);
    Value(m, NFTA_CMP_DATA, value);
  });
}

Rule& Rule::Lookup(std::string_view set, int reg, int to, bool invert) {
  return Add("lookup", [=, set = std::string(set)](NetlinkMessage& m) {
    m.Text(NFTA_LOOKUP_SET, set).Big(NFTA_LOOKUP_SREG, Register(reg));
    if (to >= 0) m.Big(NFTA_LOOKUP_DREG, Register(to));
    if (invert) m.Big(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  });
}

Rule& Rule::Verdict(int32_t code, std::string_view chain) {
  return Add("immediate", [code, chain = std::string(chain)](NetlinkMessage& m) {
    m.Big(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    m.Nest(NFTA_IMMEDIATE_DATA | NLA_F_NESTED, [&] {
      m.Nest(NFTA_DATA_VERDICT | NLA_F_NESTED, [&] {
        m.Big(NFTA_VERDICT_CODE, Signed(code));
        if (!chain.empty()) m.Text(NFTA_VERDICT_CHAIN, chain);
      });
    });
  });
}

NetlinkMessage Rule::Masquerade() {
  return Add("masq", [](NetlinkMessage&) {}).Finish();
}

NetlinkMessage Rule::DestinationNat(int family, int address_reg, int port_reg) {
  return Add("nat",
             [=](NetlinkMessage& m) {
               m.Big(NFTA_NAT_TYPE, NFT_NAT_DNAT)
                   .Big(NFTA_NAT_FAMILY, static_cast<uint32_t>(family));
               m.Big(NFTA_NAT_REG_ADDR_MIN, Register(address_reg));
               m.Big(NFTA_NAT_REG_PROTO_MIN, Register(port_reg));
             })
      .Finish();
}

NetlinkMessage Rule::StoreInTransport(uint32_t offset, std::string_view value, uint32_t checksum) {
  constexpr int kRegister = 0;
  Add("immediate", [value = std::string(value)](NetlinkMessage& m) {
    m.Big(NFTA_IMMEDIATE_DREG, Register(kRegister));
    m.Nest(NFTA_IMMEDIATE_DATA | NLA_F_NESTED, [&] { m.Bytes(NFTA_DATA_VALUE, value); });
  });
  return Add("payload",
             [offset, checksum, bytes = value.size()](NetlinkMessage& m) {
               m.Big(NFTA_PAYLOAD_SREG, Register(kRegister));
               m.Big(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
               m.Big(NFTA_PAYLOAD_OFFSET, offset)
                   .Big(NFTA_PAYLOAD_LEN, static_cast<uint32_t>(bytes));
               m.Big(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
               m.Big(NFTA_PAYLOAD_CSUM_OFFSET, checksum);
             })
      .Finish();
}

NetlinkMessage Rule::Accept() {
  return Verdict(NF_ACCEPT, {}).Finish();
}

NetlinkMessage Rule::Drop() {
  return Verdict(NF_DROP, {}).Finish();
}

NetlinkMessage Rule::Jump(std::string_view chain) {
  return Verdict(NFT_JUMP, chain).Finish();
}

}  // namespace hoy::net::nft
