#include "oci/layer/tar_header.h"

#include <algorithm>
#include <charconv>

namespace hoy::oci {
namespace {

constexpr size_t kChecksumOffset = 148;
constexpr size_t kChecksumLength = 8;

// Big-endian two's complement over all bits but the first, which only marks the format.
Result<int64_t> Base256(std::string_view bytes) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  uint8_t inversion = (byte(0) & 0x40) != 0 ? 0xff : 0;
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint8_t digit = byte(i) ^ inversion;
    if (i == 0) digit &= 0x7f;
    if (value >> 56 != 0) return Fail(ErrorKind::kCorrupt, "tar: a number is too large");
    value = value << 8 | digit;
  }
  if (value > INT64_MAX) return Fail(ErrorKind::kCorrupt, "tar: a number is too large");
  return inversion != 0 ? ~static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

}  // namespace

bool TarHeader::IsZero() const {
  return std::ranges::all_of(block_, [](char c) { return c == 0; });
}

Result<> TarHeader::CheckChecksum() const {
  int64_t unsigned_sum = 0;
  int64_t signed_sum = 0;  // what some old tars on machines with signed characters wrote
  for (size_t i = 0; i < block_.size(); ++i) {
    bool own = i >= kChecksumOffset && i < kChecksumOffset + kChecksumLength;
    char c = own ? ' ' : block_[i];
    unsigned_sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  auto sum = Number(kChecksumOffset, kChecksumLength);
  if (!sum || (*sum != unsigned_sum && *sum != signed_sum)) {
    return Fail(ErrorKind::kCorrupt, "tar: a header's checksum is wrong");
  }
  return {};
}

Result<int64_t> TarHeader::Number(size_t offset, size_t length) const {
  std::string_view field = Bytes(offset, length);
  if ((static_cast<uint8_t>(field[0]) & 0x80) != 0) return Base256(field);
  constexpr std::string_view kPadding(" \0", 2);
  size_t begin = field.find_first_not_of(kPadding);
  if (begin == std::string_view::npos) return 0;
  field = field.substr(begin, field.find_last_not_of(kPadding) + 1 - begin);
  field = field.substr(0, field.find('\0'));
  int64_t value = 0;
  auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  if (code != std::errc{} || end != field.data() + field.size() || value < 0) {
    return Fail(ErrorKind::kCorrupt, "tar: a header has a malformed number");
  }
  return value;
}

std::string_view TarHeader::Text(size_t offset, size_t length) const {
  std::string_view bytes = Bytes(offset, length);
  return bytes.substr(0, bytes.find('\0'));
}

std::string TarHeader::Name() const {
  std::string name(Text(0, 100));
  if (Bytes(257, 6) != std::string_view("ustar\0", 6)) return name;
  bool is_star = Bytes(508, 4) == std::string_view("tar\0", 4);
  std::string_view prefix = Text(345, is_star ? 131 : 155);
  return prefix.empty() ? name : std::string(prefix) + "/" + name;
}

}  // namespace hoy::oci
