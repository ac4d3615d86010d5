#include "oci/layer/tar_reader.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

constexpr int64_t kMaxHeaderBody = 1 << 20;  // of long names and extended headers, as in Go
// Of all headers before one entry: a long name, a long link and an extended header.
constexpr int64_t kMaxHeaderBodies = 4 * kMaxHeaderBody;
constexpr int64_t kBlock = kTarBlock;

std::unexpected<Error> Truncated() {
  return Fail(ErrorKind::kCorrupt, "tar: the data ends early");
}

int64_t PaddingOf(int64_t size) {
  return (kBlock - size % kBlock) % kBlock;
}

// Entries that have no data, whatever their size field says.
bool IsHeaderOnly(char type) {
  return type >= '1' && type <= '6';
}

std::string UpToNul(std::string text) {
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

}  // namespace

Result<std::span<const std::byte>> TarReader::Take(int64_t at_most) {
  if (slot_.empty()) {
    TRY(slot_, source_.Next());
  }
  size_t count = std::min(slot_.size(), static_cast<size_t>(at_most));
  auto taken = slot_.first(count);
  slot_ = slot_.subspan(count);
  return taken;
}

Result<> TarReader::ReadExactly(std::span<char> buffer) {
  while (!buffer.empty()) {
    TRY(auto bytes, Take(static_cast<int64_t>(buffer.size())));
    if (bytes.empty()) return Truncated();
    memcpy(buffer.data(), bytes.data(), bytes.size());
    buffer = buffer.subspan(bytes.size());
  }
  return {};
}

Result<bool> TarReader::ReadHeader(TarHeader& header) {
  if (slot_.empty()) {
    TRY(slot_, source_.Next());
  }
  if (slot_.empty()) return false;
  TRY(ReadExactly(header.block()));
  return true;
}

Result<std::string> TarReader::ReadBody(int64_t size) {
  if (size < 0 || size > kMaxHeaderBody) {
    return Fail(ErrorKind::kCorrupt, "tar: a header of {} bytes is too large", size);
  }
  std::string body(static_cast<size_t>(size), '\0');
  TRY(ReadExactly(body));
  TRY(Skip(PaddingOf(size)));
  return body;
}

Result<> TarReader::Skip(int64_t bytes) {
  while (bytes > 0) {
    TRY(auto taken, Take(bytes));
    if (taken.empty()) return Truncated();
    bytes -= static_cast<int64_t>(taken.size());
  }
  return {};
}

// Whoever leaves out the last blocks of zeros may leave out the last padding, too: the header that
// is read next meets the end then. Go's archive/tar takes such layers.
Result<> TarReader::SkipPadding(int64_t bytes) {
  while (bytes > 0) {
    TRY(auto taken, Take(bytes));
    if (taken.empty()) break;
    bytes -= static_cast<int64_t>(taken.size());
  }
  return {};
}

Result<> TarReader::Drain() {
  while (true) {
    TRY(auto bytes, Take(std::numeric_limits<int64_t>::max()));
    if (bytes.empty()) return {};
  }
}

Result<bool> TarReader::Next(TarEntry& entry) {
  TRY(Skip(data_left_));
  TRY(SkipPadding(padding_));
  data_left_ = padding_ = 0;
  PaxRecords pax;
  std::string long_name;
  std::string long_link;
  bool expecting = false;  // a header came that belongs to the next entry
  int64_t bodies = 0;
  auto read_body = [&](int64_t size) -> Result<std::string> {
    TRY(std::string body, ReadBody(size));
    expecting = true;
    bodies += size;
    if (bodies > kMaxHeaderBodies) {
      return Fail(ErrorKind::kCorrupt, "tar: the headers of one entry are larger than {} bytes",
                  kMaxHeaderBodies);
    }
    return body;
  };
  while (true) {
    TarHeader header;
    TRY(bool more, ReadHeader(header));
    if (!more || header.IsZero()) {
      if (expecting) return Truncated();
      return false;
    }
    TRY(header.CheckChecksum());
    TRY(int64_t size, header.Size());
    switch (header.type()) {
      case 'x':
      case 'X': {  // Solaris's name for the same
        TRY(std::string body, read_body(size));
        pax = {};  // as in Go, the last one counts alone
        TRY(ParsePaxRecords(body, pax));
        break;
      }
      case 'L': {
        TRY(std::string body, read_body(size));
        long_name = UpToNul(std::move(body));
        break;
      }
      case 'K': {
        TRY(std::string body, read_body(size));
        long_link = UpToNul(std::move(body));
        break;
      }
      case 'g':  // for all entries: comments of git archive and the like
      case 'V':  // the volume's label
        if (size < 0) return Fail(ErrorKind::kCorrupt, "tar: a size is negative");
        TRY(Skip(size));
        TRY(Skip(PaddingOf(size)));
        break;
      default:
        entry = {};
        entry.name = !long_name.empty() ? std::move(long_name) : header.Name();
        entry.link_target = !long_link.empty() ? std::move(long_link) : header.LinkName();
        TRY(Fill(header, pax, entry));
        entry.xattrs = std::move(pax.xattrs);
        return true;
    }
  }
}

Result<> TarReader::Fill(const TarHeader& header, const PaxRecords& pax, TarEntry& entry) {
  if (pax.path) entry.name = *pax.path;
  if (pax.sparse_name) entry.name = *pax.sparse_name;
  if (pax.link_path) entry.link_target = *pax.link_path;
  if (entry.name.empty()) return Fail(ErrorKind::kCorrupt, "tar: an entry has no name");
  TRY(FillType(header, entry));

  TRY(int64_t mode, header.Mode());
  entry.mode = static_cast<mode_t>(mode) & 07777;
  TRY(int64_t uid, header.Uid());
  TRY(int64_t gid, header.Gid());
  uid = pax.uid.value_or(uid);
  gid = pax.gid.value_or(gid);
  // The last id is what chown(2) takes for "leave it".
  constexpr int64_t kMaxId = std::numeric_limits<uint32_t>::max() - 1;
  if (uid < 0 || uid > kMaxId || gid < 0 || gid > kMaxId) {
    return Fail(ErrorKind::kCorrupt, "tar: an owner of {}:{} is out of range", uid, gid);
  }
  entry.uid = static_cast<uid_t>(uid);
  entry.gid = static_cast<gid_t>(gid);
  TRY(int64_t mtime, header.Mtime());
  entry.mtime = pax.mtime.value_or(timespec{.tv_sec = mtime, .tv_nsec = 0});
  return PrepareData(header, pax, entry);
}

Result<> TarReader::FillType(const TarHeader& header, TarEntry& entry) {
  switch (header.type()) {
    case '0':
    case '\0':
    case '7':  // contiguous: a file like others
    case 'S':  // GNU sparse
      // How v7 wrote directories.
      entry.type = entry.name.ends_with('/') ? S_IFDIR : S_IFREG;
      return {};
    case '1':
      entry.is_hard_link = true;
      entry.type = S_IFREG;
      break;
    case '2': entry.type = S_IFLNK; break;
    case '3': entry.type = S_IFCHR; break;
    case '4': entry.type = S_IFBLK; break;
    case '5': entry.type = S_IFDIR; return {};
    case '6': entry.type = S_IFIFO; return {};
    default:
      return Fail(ErrorKind::kCorrupt, "tar: an entry has the unknown type 0x{:02x}",
                  static_cast<unsigned char>(header.type()));
  }
  if (entry.type == S_IFCHR || entry.type == S_IFBLK) {
    TRY(int64_t major, header.DeviceMajor());
    TRY(int64_t minor, header.DeviceMinor());
    entry.device = makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
  } else if (entry.link_target.empty()) {
    return Fail(ErrorKind::kCorrupt, "tar: a link has no target");
  }
  return {};
}

Result<> TarReader::PrepareData(const TarHeader& header, const PaxRecords& pax, TarEntry& entry) {
  TRY(int64_t size, header.Size());
  size = pax.size.value_or(size);
  if (IsHeaderOnly(header.type())) size = 0;
  if (size < 0 || size > std::numeric_limits<int64_t>::max() - kBlock) {
    return Fail(ErrorKind::kCorrupt, "tar: a size of {} is out of range", size);
  }
  data_left_ = size;
  padding_ = PaddingOf(size);
  position_ = 0;
  entry.size = size;
  is_sparse_ = false;
  if (entry.type != S_IFREG || entry.is_hard_link) return {};

  if (header.type() == 'S') {
    TRY(ReadOldGnuMap(header));
    TRY(entry.size, header.Number(483, 12));
  } else if (pax.sparse_map_in_data) {
    TRY(ReadMapInData());
    entry.size = pax.sparse_size.value_or(-1);
  } else if (pax.has_sparse_map) {
    sparse_map_ = pax.sparse_map;
    entry.size = pax.sparse_size.value_or(-1);
  } else {
    return {};
  }
  is_sparse_ = true;
  extent_ = 0;
  extent_done_ = 0;
  if (entry.size < 0) return Fail(ErrorKind::kCorrupt, "tar: a sparse file has no size");
  return CheckSparseMap(sparse_map_, entry.size, data_left_);
}

// GNU manual, "Old GNU Format": four extents in the header, 21 more in each block that follows.
Result<> TarReader::ReadOldGnuMap(const TarHeader& header) {
  constexpr size_t kExtentBytes = 24;
  if (!header.is_gnu()) {
    return Fail(ErrorKind::kCorrupt, "tar: a sparse entry outside the GNU format");
  }
  sparse_map_.clear();
  TarHeader block = header;
  size_t at = 386;
  size_t count = 4;
  while (true) {
    for (size_t i = 0; i < count; ++i, at += kExtentBytes) {
      if (block.Bytes(at, 1)[0] == '\0') break;
      if (sparse_map_.size() == kMaxSparseExtents) {
        return Fail(ErrorKind::kCorrupt, "tar: a sparse file has too many parts");
      }
      SparseExtent extent;
      TRY(extent.offset, block.Number(at, 12));
      TRY(extent.length, block.Number(at + 12, 12));
      if (extent.offset < 0 || extent.length < 0) {
        return Fail(ErrorKind::kCorrupt, "tar: a sparse file's map is damaged");
      }
      sparse_map_.push_back(extent);
    }
    size_t extended = count == 4 ? 482 : 504;
    if (block.Bytes(extended, 1)[0] == '\0') return {};
    TRY(ReadExactly(block.block()));
    at = 0;
    count = 21;
  }
}

// GNU manual, "PAX Format, Version 1.0": decimal lines before the data, padded to whole blocks.
Result<> TarReader::ReadMapInData() {
  sparse_map_.clear();
  std::string text;
  size_t used = 0;
  auto number = [&]() -> Result<int64_t> {
    while (true) {
      size_t newline = text.find('\n', used);
      if (newline != std::string::npos) {
        auto value = ParseInteger<int64_t>(std::string_view(text).substr(used, newline - used));
        used = newline + 1;
        if (value && *value >= 0) return *value;
        break;
      }
      // No number is as long as a block.
      if (text.size() - used > kTarBlock || data_left_ < kBlock) break;
      text.erase(0, used);
      used = 0;
      size_t old = text.size();
      text.resize(old + kTarBlock);
      TRY(ReadExactly(std::span(text).subspan(old)));
      data_left_ -= kBlock;
    }
    return Fail(ErrorKind::kCorrupt, "tar: a sparse file's map is damaged");
  };
  TRY(int64_t count, number());
  if (count > static_cast<int64_t>(kMaxSparseExtents)) {
    return Fail(ErrorKind::kCorrupt, "tar: a sparse file has too many parts");
  }
  for (int64_t i = 0; i < count; ++i) {
    SparseExtent extent;
    TRY(extent.offset, number());
    TRY(extent.length, number());
    sparse_map_.push_back(extent);
  }
  return {};
}

Result<TarReader::Block> TarReader::ReadBlock() {
  if (data_left_ == 0) return Block{};
  int64_t at_most = data_left_;
  int64_t offset = position_;
  if (is_sparse_) {
    while (extent_done_ == sparse_map_[extent_].length) {
      ++extent_;  // the map's lengths add up to the data, so there is another one
      extent_done_ = 0;
    }
    offset = sparse_map_[extent_].offset + extent_done_;
    at_most = sparse_map_[extent_].length - extent_done_;
  }
  TRY(auto bytes, Take(at_most));
  if (bytes.empty()) return Truncated();
  auto count = static_cast<int64_t>(bytes.size());
  data_left_ -= count;
  position_ += count;
  extent_done_ += count;
  return Block{.bytes = bytes, .offset = offset};
}

}  // namespace hoy::oci
