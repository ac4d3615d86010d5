#pragma once
// One 512-byte header block: POSIX.1-2017 pax "ustar Interchange Format", GNU tar's variant of it
// (its manual, "Basic Tar Format"), star's prefix, and the v7 format before them. What Go's
// archive/tar reads, and so docker, is read here, with the same strictness.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::oci {

inline constexpr size_t kTarBlock = 512;

class TarHeader {
 public:
  std::array<char, kTarBlock>& block() { return block_; }

  bool IsZero() const;
  Result<> CheckChecksum() const;  // kCorrupt

  char type() const { return block_[156]; }
  bool is_gnu() const { return Bytes(257, 8) == std::string_view("ustar  \0", 8); }
  std::string Name() const;  // with the prefix
  std::string LinkName() const { return std::string(Text(157, 100)); }

  Result<int64_t> Mode() const { return Number(100, 8); }
  Result<int64_t> Uid() const { return Number(108, 8); }
  Result<int64_t> Gid() const { return Number(116, 8); }
  Result<int64_t> Size() const { return Number(124, 12); }
  Result<int64_t> Mtime() const { return Number(136, 12); }
  Result<int64_t> DeviceMajor() const { return Number(329, 8); }
  Result<int64_t> DeviceMinor() const { return Number(337, 8); }

  // Octal digits, or GNU's base-256 when the first bit is set. kCorrupt: neither, or no int64_t.
  Result<int64_t> Number(size_t offset, size_t length) const;
  std::string_view Bytes(size_t offset, size_t length) const {
    return std::string_view(block_.data(), block_.size()).substr(offset, length);
  }

 private:
  std::string_view Text(size_t offset, size_t length) const;  // up to the first NUL

  std::array<char, kTarBlock> block_{};
};

}  // namespace hoy::oci
