#pragma once
// IP addresses and subnets as values: both families, network byte order, no name look-ups.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::net {

class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static std::optional<IpAddress> Parse(std::string_view text);
  // 4 or 16 bytes as they are on the wire; anything else is nullopt.
  static std::optional<IpAddress> FromBytes(std::string_view bytes);

  bool is_v6() const { return size_ == 16; }
  int family() const;  // AF_INET, AF_INET6
  int bits() const { return size_ * 8; }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), static_cast<size_t>(size_)};
  }
  std::string ToString() const;
  bool IsLoopback() const;
  bool IsAny() const;  // 0.0.0.0, ::

  // The address `offset` further; nullopt past the last one of the family.
  std::optional<IpAddress> Plus(uint64_t offset) const;

  // IPv4 before IPv6, then by value.
  auto operator<=>(const IpAddress&) const = default;

 private:
  uint8_t size_ = 4;
  std::array<uint8_t, 16> bytes_{};
};

// Addresses that share their first `prefix` bits: 172.18.0.0/16.
class Subnet {
 public:
  constexpr Subnet() = default;
  Subnet(const IpAddress& address, int prefix);  // bits of the host part are cleared

  // "ADDRESS/PREFIX". `strict` refuses an address with bits of the host part set.
  static Result<Subnet> Parse(std::string_view text, bool strict = false);

  const IpAddress& first() const { return address_; }
  IpAddress last() const;  // IPv4: the broadcast address
  int prefix() const { return prefix_; }
  bool is_v6() const { return address_.is_v6(); }
  std::string ToString() const;

  bool Contains(const IpAddress& address) const;
  bool Contains(const Subnet& other) const;
  bool Overlaps(const Subnet& other) const;

  // The addresses a host may have: without the first (the network's) and, IPv4, the last (the
  // broadcast address), where the subnet is larger than a point-to-point one (RFC 3021).
  IpAddress FirstHost() const;
  IpAddress LastHost() const;

  auto operator<=>(const Subnet&) const = default;

 private:
  IpAddress address_;
  int prefix_ = 0;
};

}  // namespace hoy::net
