#pragma once
// Netlink messages and attributes as bytes (netlink(7), linux/netlink.h): a header, a fixed part
// that depends on the type, and attributes, each padded to 4 bytes. Pure.

#include <linux/netlink.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace hoy::net {

inline uint16_t BigEndian(uint16_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
}
inline uint32_t BigEndian(uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

class NetlinkMessage {
 public:
  NetlinkMessage(int type, int flags);

  // The fixed part, first of all.
  template <typename T>
  NetlinkMessage& Struct(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Append({reinterpret_cast<const char*>(&value), sizeof value});
    return *this;
  }

  NetlinkMessage& Bytes(int attribute, std::string_view value);
  NetlinkMessage& Text(int attribute, std::string_view value);  // with its NUL
  NetlinkMessage& Ready(std::string_view attributes);           // as they are in another message
  NetlinkMessage& Flag(int attribute) { return Bytes(attribute, {}); }
  // As they are in memory: rtnetlink's numbers, and nftables' bytes.
  template <typename T>
  NetlinkMessage& Number(int attribute, T value) {
    static_assert(std::is_integral_v<T>);
    return Bytes(attribute, {reinterpret_cast<const char*>(&value), sizeof value});
  }
  // In network byte order: nftables' numbers.
  NetlinkMessage& Big(int attribute, uint32_t value) { return Number(attribute, BigEndian(value)); }

  // Attributes of an attribute: `fill` adds them.
  template <typename Fill>
  NetlinkMessage& Nest(int attribute, Fill fill) {
    size_t start = Begin(attribute);
    fill();
    End(start);
    return *this;
  }

  void SetSequence(uint32_t sequence);
  void AddFlags(int flags);
  int type() const { return header().nlmsg_type; }
  const std::string& bytes() const { return bytes_; }

 private:
  nlmsghdr header() const;
  void SetHeader(const nlmsghdr& header);
  void Append(std::string_view bytes);
  size_t Begin(int attribute);
  void End(size_t start);

  std::string bytes_;
};

// What came back, seen in place. Damaged lengths end the walk.
struct Attribute {
  int type = 0;  // without the flags of its two highest bits
  std::string_view value;

  template <typename T>
  std::optional<T> Number() const {
    if (value.size() < sizeof(T)) return std::nullopt;
    T number;
    __builtin_memcpy(&number, value.data(), sizeof number);
    return number;
  }
  std::string_view Text() const { return value.substr(0, value.find('\0')); }
};

class Attributes {
 public:
  explicit Attributes(std::string_view bytes) : rest_(bytes) {}
  std::optional<Attribute> Next();
  // Of all that are left, the first of this type.
  static std::optional<Attribute> Find(std::string_view bytes, int type);

 private:
  std::string_view rest_;
};

// One message of an answer.
struct Reply {
  int type = 0;
  std::string payload;  // after the netlink header

  template <typename T>
  std::optional<T> Fixed() const {
    return Attribute{0, payload}.Number<T>();
  }
  // Behind a fixed part of that size.
  std::string_view AttributesAfter(size_t fixed) const {
    size_t aligned = NLMSG_ALIGN(fixed);
    return aligned > payload.size() ? std::string_view()
                                    : std::string_view(payload).substr(aligned);
  }
};

}  // namespace hoy::net
