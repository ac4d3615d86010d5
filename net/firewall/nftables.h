#pragma once
// nftables' messages (linux/netfilter/nf_tables.h), as many as hoy's table needs. Pure: bytes in,
// bytes out. nft(8) reads what these write; comments and key types are there for its listing.

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "net/netlink/message.h"

namespace hoy::net::nft {

// Types of keys as nft(8) numbers them (its datatype.h); the kernel only keeps them.
enum class Type : uint32_t {
  kIpv4Address = 7,
  kIpv6Address = 8,
  kProtocol = 12,
  kService = 13,
  kInterface = 41,
};
// What a value of the type takes in a register: a multiple of 4 bytes.
size_t RegisterBytes(Type type);

NetlinkMessage NewTable(std::string_view table, std::string_view comment);  // EEXIST: it is there
NetlinkMessage DeleteTable(std::string_view table);
NetlinkMessage GetTable(std::string_view table);
std::string DecodeTableComment(const Reply& reply);

// The number that every change of the ruleset makes another one.
NetlinkMessage GetGeneration();
std::optional<uint32_t> DecodeGeneration(const Reply& reply);

struct BaseChain {
  const char* type;  // "nat", "filter"
  uint32_t hook;     // NF_INET_*
  int32_t priority;
};
NetlinkMessage NewChain(std::string_view table, std::string_view chain);
NetlinkMessage NewBaseChain(std::string_view table, std::string_view chain, const BaseChain& base);

struct SetSpec {
  std::string_view name;
  std::vector<Type> key;
  std::vector<Type> data;  // empty: a set, else a map
  // Elements are ranges: of a key of one part each a start and an end, of many parts (Linux 5.6)
  // one element with two keys.
  bool interval = false;
};
NetlinkMessage NewSet(std::string_view table, const SetSpec& set, uint32_t id);

struct Element {
  std::string key;
  std::string last_key = {};  // of a range in a set whose key has many parts
  std::string data = {};      // of maps
  std::string comment = {};   // hoy: the id of its owner
  bool interval_end = false;  // the first key past the range; has neither data nor comment
  bool operator==(const Element&) const = default;
};
// EEXIST when it is there, if `exclusive`; EBUSY when it is there with other data.
NetlinkMessage NewElement(std::string_view table, std::string_view set, const Element& element,
                          bool exclusive);
NetlinkMessage DeleteElement(std::string_view table, std::string_view set, const Element& element);
NetlinkMessage ListElements(std::string_view table, std::string_view set);  // for a dump
std::vector<Element> DecodeElements(const Reply& reply);

// A name as the kernel compares those of interfaces: 16 bytes.
std::string InterfaceKey(std::string_view name);
// A number in network byte order, padded to a register.
std::string ServiceKey(uint16_t port);
std::string ProtocolKey(uint8_t protocol);

// A rule, expression by expression, each working on registers of 4 bytes, counted from 0. A rule
// ends where an expression says no.
class Rule {
 public:
  Rule(std::string_view table, std::string_view chain, std::string_view comment);

  Rule& LoadMeta(nft_meta_keys key, int reg);
  Rule& LoadConntrack(nft_ct_keys key, int reg);
  Rule& LoadPayload(nft_payload_bases base, uint32_t offset, uint32_t bytes, int reg);
  Rule& LoadDestinationType(int reg);  // of the address, by the routing table: RTN_LOCAL ...
  Rule& Mask(int reg, std::string_view mask);
  Rule& Equal(int reg, std::string_view value) { return Compare(reg, NFT_CMP_EQ, value); }
  Rule& NotEqual(int reg, std::string_view value) { return Compare(reg, NFT_CMP_NEQ, value); }
  Rule& In(std::string_view set, int reg) { return Lookup(set, reg, -1, false); }
  Rule& NotIn(std::string_view set, int reg) { return Lookup(set, reg, -1, true); }
  Rule& Map(std::string_view map, int reg, int to) { return Lookup(map, reg, to, false); }

  NetlinkMessage Masquerade();
  NetlinkMessage DestinationNat(int family, int address_reg, int port_reg);
  // Writes into the header of TCP or UDP, whose checksum is there.
  NetlinkMessage StoreInTransport(uint32_t offset, std::string_view value, uint32_t checksum);
  NetlinkMessage Accept();
  NetlinkMessage Drop();
  NetlinkMessage Jump(std::string_view chain);

 private:
  Rule& Add(const char* name, const std::function<void(NetlinkMessage&)>& fill);
  Rule& Compare(int reg, nft_cmp_ops operation, std::string_view value);
  Rule& Lookup(std::string_view set, int reg, int to, bool invert);
  Rule& Verdict(int32_t code, std::string_view chain);
  NetlinkMessage Finish();

  std::string table_, chain_, comment_;
  std::vector<std::pair<const char*, std::function<void(NetlinkMessage&)>>> expressions_;
};

// Where a rule is, and what its comment says.
struct RulePlace {
  std::string chain;
  std::string comment;
  bool operator==(const RulePlace&) const = default;
};
NetlinkMessage ListRules(std::string_view table, uint8_t family = NFPROTO_INET);  // for a dump
NetlinkMessage ListChains();                                                      // of all tables
std::optional<RulePlace> DecodeRule(const Reply& reply);

}  // namespace hoy::net::nft
