#pragma once
// Reads a layer tar as a stream: ustar, PAX, GNU long names, and the four sparse formats. Global
// headers are passed over, as docker does. Names are bytes; no locale plays a part, which is why
// this is not libarchive: that recodes PAX names to the locale, and loses a link's target when only
// the PAX header has it.

#include <sys/stat.h>
#include <time.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "oci/layer/read_ahead.h"
#include "oci/layer/tar_header.h"
#include "oci/layer/tar_pax.h"

namespace hoy::oci {

struct TarEntry {
  std::string name;         // not empty
  std::string link_target;  // of symlinks and hard links
  bool is_hard_link = false;
  mode_t type = 0;  // S_IFREG, S_IFDIR, ...; of a hard link S_IFREG
  mode_t mode = 0;  // permissions, setuid, setgid, sticky
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;
  int64_t size = 0;  // of a regular file, holes included
  timespec mtime{};
  std::vector<std::pair<std::string, std::string>> xattrs;
};

class TarReader {
 public:
  explicit TarReader(ReadAhead& source) : source_(source) {}  // must outlive the reader

  // False: the archive ends here. All errors of the format are kCorrupt.
  Result<bool> Next(TarEntry& entry);

  struct Block {
    std::span<const std::byte> bytes;  // valid until the next call
    int64_t offset = 0;                // in the file; jumps over holes
  };
  // Of the current entry, what its header promises and has not been read: without its holes.
  int64_t data_left() const { return data_left_; }
  // Of the current entry. Empty bytes: its data ends.
  Result<Block> ReadBlock();

  // Reads on to the end of the stream, behind the end of the archive: the diff ID covers it all.
  Result<> Drain();

 private:
  Result<bool> ReadHeader(TarHeader& header);  // false: the stream ends
  Result<std::span<const std::byte>> Take(int64_t at_most);
  Result<> ReadExactly(std::span<char> buffer);
  Result<std::string> ReadBody(int64_t size);  // of a header entry, with its padding
  Result<> Skip(int64_t bytes);
  Result<> SkipPadding(int64_t bytes);

  Result<> Fill(const TarHeader& header, const PaxRecords& pax, TarEntry& entry);
  Result<> FillType(const TarHeader& header, TarEntry& entry);
  Result<> PrepareData(const TarHeader& header, const PaxRecords& pax, TarEntry& entry);
  Result<> ReadOldGnuMap(const TarHeader& header);
  Result<> ReadMapInData();

  ReadAhead& source_;
  std::span<const std::byte> slot_;  // what is left of the source's current buffer
  int64_t data_left_ = 0;            // of the current entry, in the archive
  int64_t padding_ = 0;
  int64_t position_ = 0;  // in the current file, without holes
  bool is_sparse_ = false;
  SparseMap sparse_map_;
  size_t extent_ = 0;
  int64_t extent_done_ = 0;
};

}  // namespace hoy::oci
