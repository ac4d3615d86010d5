#include "oci/layer/tar_writer.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace hoy::oci {
namespace {

constexpr int64_t kBlock = kTarBlock;
constexpr int64_t kMaxOctal7 = 07777777;            // what an 8-byte field holds
constexpr int64_t kMaxOctal11 = 077777777777;       // what a 12-byte field holds
constexpr std::array<char, kTarBlock * 2> kZero{};  // the end of an archive

// "<length> <key>=<value>\n", the length counting itself.
void AddRecord(std::string& records, std::string_view key, std::string_view value) {
  size_t rest = key.size() + value.size() + 3;
  size_t length = rest + std::to_string(rest).size();
  if (std::to_string(length).size() > std::to_string(rest).size()) ++length;
  records.append(std::to_string(length)).append(" ").append(key).append("=").append(value);
  records += '\n';
}

bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

char TypeFlag(const TarEntry& entry) {
  if (entry.is_hard_link) return '1';
  switch (entry.type) {
    case S_IFLNK: return '2';
    case S_IFCHR: return '3';
    case S_IFBLK: return '4';
    case S_IFDIR: return '5';
    case S_IFIFO: return '6';
    default: return '0';
  }
}

class Block {
 public:
  void Text(size_t offset, size_t length, std::string_view text) {
    memcpy(bytes_.data() + offset, text.data(), std::min(length, text.size()));
  }
  // `length` - 1 digits and a NUL. What does not fit is in the pax header, too.
  void Octal(size_t offset, size_t length, int64_t value, int64_t most) {
    value = value < 0 || value > most ? 0 : value;
    for (size_t i = length - 1; i-- > 0; value >>= 3) {
      bytes_[offset + i] = static_cast<char>('0' + (value & 7));
    }
  }
  std::string_view Seal() {
    Text(257, 8,
         std::string_view("ustar\0"
                          "00",
                          8));
    Text(148, 8, "        ");
    unsigned sum = 0;
    for (char c : bytes_) sum += static_cast<unsigned char>(c);
    Octal(148, 7, sum, kMaxOctal7);
    bytes_[154] = '\0';
    return {bytes_.data(), bytes_.size()};
  }

 private:
  std::array<char, kTarBlock> bytes_{};
};

// Where a name may be cut into ustar's prefix and name; npos: it does not fit.
size_t SplitName(std::string_view name) {
  if (name.size() <= 100) return 0;
  size_t slash = name.find('/', name.size() - 101);
  if (slash == 0 || slash > 155 || slash + 1 == name.size()) return std::string_view::npos;
  return slash;
}

std::string ExtendedRecords(const TarEntry& entry, std::string_view name, int64_t size) {
  std::string records;
  // A sparse file's own name is among the records already.
  const bool is_sparse = name != entry.name && entry.type == S_IFREG;
  if (is_sparse) {
    AddRecord(records, "GNU.sparse.major", "1");
    AddRecord(records, "GNU.sparse.minor", "0");
    AddRecord(records, "GNU.sparse.name", entry.name);
    AddRecord(records, "GNU.sparse.realsize", std::to_string(entry.size));
  }
  if (SplitName(name) == std::string_view::npos || !IsPlain(name)) AddRecord(records, "path", name);
  if (entry.link_target.size() > 100 || !IsPlain(entry.link_target)) {
    AddRecord(records, "linkpath", entry.link_target);
  }
  if (entry.uid > kMaxOctal7) AddRecord(records, "uid", std::to_string(entry.uid));
  if (entry.gid > kMaxOctal7) AddRecord(records, "gid", std::to_string(entry.gid));
  if (size > kMaxOctal11) AddRecord(records, "size", std::to_string(size));
  if (entry.mtime.tv_sec < 0 || entry.mtime.tv_sec > kMaxOctal11) {
    AddRecord(records, "mtime", std::to_string(entry.mtime.tv_sec));
  }
  for (const auto& [key, value] : entry.xattrs) {
    AddRecord(records, "SCHILY.xattr." + key, value);
  }
  return records;
}

}  // namespace

Result<> TarWriter::WriteText(std::string_view text) {
  return sink_.Write(std::as_bytes(std::span(text)));
}

Result<> TarWriter::Pad() {
  TRY(WriteText({kZero.data(), static_cast<size_t>(padding_)}));
  padding_ = 0;
  return {};
}

// What readers that know no sparse files unpack it as.
std::string TarWriter::SparseHeaderName(const std::string& name) {
  size_t slash = name.rfind('/');
  size_t base = slash == std::string::npos ? 0 : slash + 1;
  return name.substr(0, base) + "GNUSparseFile.0/" + name.substr(base);
}

Result<> TarWriter::Begin(const TarEntry& entry) {
  std::string name = entry.name;
  if (entry.type == S_IFDIR && !name.ends_with('/')) name += '/';
  bool has_data = entry.type == S_IFREG && !entry.is_hard_link;
  return WriteHeaders(entry, name, has_data ? entry.size : 0);
}

// GNU manual, "PAX Format, Version 1.0": the map in decimal lines, padded to whole blocks, is the
// first part of the data. An extent without bytes at the end says how long the file is.
Result<> TarWriter::BeginSparse(const TarEntry& entry, const SparseMap& map) {
  std::string text = fmt::format("{}\n", map.size() + 1);
  int64_t bytes = 0;
  for (const SparseExtent& extent : map) {
    text += fmt::format("{}\n{}\n", extent.offset, extent.length);
    bytes += extent.length;
  }
  text += fmt::format("{}\n0\n", entry.size);
  text.resize((text.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
  TRY(WriteHeaders(entry, SparseHeaderName(entry.name), static_cast<int64_t>(text.size()) + bytes));
  return Write(std::as_bytes(std::span(text)));
}

Result<> TarWriter::WriteHeaders(const TarEntry& entry, const std::string& name, int64_t size) {
  if (std::string records = ExtendedRecords(entry, name, size); !records.empty()) {
    Block header;
    header.Text(0, 100, "PaxHeaders/" + name.substr(0, 80));
    header.Octal(100, 8, 0644, kMaxOctal7);
    header.Octal(108, 8, 0, kMaxOctal7);
    header.Octal(116, 8, 0, kMaxOctal7);
    header.Octal(124, 12, static_cast<int64_t>(records.size()), kMaxOctal11);
    header.Octal(136, 12, 0, kMaxOctal11);
    header.Text(156, 1, "x");
    TRY(WriteText(header.Seal()));
    TRY(WriteText(records));
    padding_ = (kBlock - static_cast<int64_t>(records.size()) % kBlock) % kBlock;
    TRY(Pad());
  }
  Block header;
  size_t split = SplitName(name);
  if (split == 0 || split == std::string_view::npos) {
    header.Text(0, 100, name);
  } else {
    header.Text(0, 100, std::string_view(name).substr(split + 1));
    header.Text(345, 155, std::string_view(name).substr(0, split));
  }
  header.Octal(100, 8, entry.mode & 07777, kMaxOctal7);
  header.Octal(108, 8, entry.uid, kMaxOctal7);
  header.Octal(116, 8, entry.gid, kMaxOctal7);
  header.Octal(124, 12, size, kMaxOctal11);
  header.Octal(136, 12, entry.mtime.tv_sec, kMaxOctal11);
  char type = TypeFlag(entry);
  header.Text(156, 1, {&type, 1});
  header.Text(157, 100, entry.link_target);
  if (entry.type == S_IFCHR || entry.type == S_IFBLK) {
    header.Octal(329, 8, major(entry.device), kMaxOctal7);
    header.Octal(337, 8, minor(entry.device), kMaxOctal7);
  }
  TRY(WriteText(header.Seal()));
  data_left_ = size;
  padding_ = (kBlock - size % kBlock) % kBlock;
  return {};
}

Result<> TarWriter::Write(std::span<const std::byte> bytes) {
  if (static_cast<int64_t>(bytes.size()) > data_left_) {
    return Fail(ErrorKind::kCorrupt, "tar: more data than the header promises");
  }
  TRY(sink_.Write(bytes));
  data_left_ -= static_cast<int64_t>(bytes.size());
  return data_left_ == 0 ? Pad() : Result<>{};
}

Result<> TarWriter::AddFile(const std::string& name, std::string_view content) {
  TarEntry entry{
      .name = name, .type = S_IFREG, .mode = 0644, .size = static_cast<int64_t>(content.size())};
  TRY(Begin(entry));
  return Write(std::as_bytes(std::span(content)));
}

Result<> TarWriter::Finish() {
  return WriteText({kZero.data(), kZero.size()});
}

}  // namespace hoy::oci
