#include "net/base/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "core/base/text.h"

namespace hoy::net {
namespace {

// The bits of byte `index` that belong to the first `prefix` bits of an address.
uint8_t NetworkBits(int prefix, int index) {
  int bits = std::clamp(prefix - index * 8, 0, 8);
  return static_cast<uint8_t>(0xff00 >> bits);
}

template <typename Change>
IpAddress ChangeBytes(const IpAddress& address, Change change) {
  std::string bytes(address.bytes());
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(change(static_cast<int>(i), static_cast<uint8_t>(bytes[i])));
  }
  return *IpAddress::FromBytes(bytes);
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) return address;
  address.size_ = 16;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::FromBytes(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.size_ = static_cast<uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

int IpAddress::family() const {
  return is_v6() ? AF_INET6 : AF_INET;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family(), bytes_.data(), text, sizeof text);
  return text;
}

bool IpAddress::IsLoopback() const {
  if (!is_v6()) return bytes_[0] == 127;
  IpAddress one;
  one.size_ = 16;
  one.bytes_[15] = 1;
  return *this == one;
}

bool IpAddress::IsAny() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<IpAddress> IpAddress::Plus(uint64_t offset) const {
  IpAddress result = *this;
  for (int i = size_ - 1; i >= 0 && offset != 0; --i) {
    uint64_t sum = result.bytes_[static_cast<size_t>(i)] + (offset & 0xff);
    result.bytes_[static_cast<size_t>(i)] = static_cast<uint8_t>(sum);
    offset = (offset >> 8) + (sum >> 8);
  }
  if (offset != 0) return std::nullopt;
  return result;
}

Subnet::Subnet(const IpAddress& address, int prefix)
    : address_(ChangeBytes(
          address, [prefix](int i, uint8_t byte) { return byte & NetworkBits(prefix, i); })),
      prefix_(prefix) {}

Result<Subnet> Subnet::Parse(std::string_view text, bool strict) {
  auto [before, after] = CutAt(text, '/');
  auto address = IpAddress::Parse(before);
  int prefix = after ? ParseInteger<int>(*after).value_or(-1) : -1;
  if (!address || prefix < 0 || prefix > address->bits()) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not a subnet, ADDRESS/PREFIX", text);
  }
  Subnet subnet(*address, prefix);
  if (strict && subnet.address_ != *address) {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument, fmt::format("'{}' is an address in a subnet", text))
            .WithHint(fmt::format("the subnet is {}", subnet.ToString())));
  }
  return subnet;
}

IpAddress Subnet::last() const {
  return ChangeBytes(address_, [this](int i, uint8_t byte) {
    return byte | static_cast<uint8_t>(~NetworkBits(prefix_, i));
  });
}

std::string Subnet::ToString() const {
  return fmt::format("{}/{}", address_.ToString(), prefix_);
}

bool Subnet::Contains(const IpAddress& address) const {
  return address.is_v6() == is_v6() && Subnet(address, prefix_).address_ == address_;
}

bool Subnet::Contains(const Subnet& other) const {
  return other.prefix_ >= prefix_ && Contains(other.address_);
}

bool Subnet::Overlaps(const Subnet& other) const {
  return Contains(other) || other.Contains(*this);
}

IpAddress Subnet::FirstHost() const {
  if (prefix_ >= address_.bits() - 1) return address_;
  return *address_.Plus(1);
}

IpAddress Subnet::LastHost() const {
  IpAddress end = last();
  if (is_v6() || prefix_ >= address_.bits() - 1) return end;
  return ChangeBytes(end, [](int i, uint8_t byte) { return i == 3 ? byte - 1 : byte; });
}

}  // namespace hoy::net
