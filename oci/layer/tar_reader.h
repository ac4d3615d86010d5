#pragma once
// The read side of libarchive, for layer tars: ustar, PAX (global headers are ignored, as docker
// does), GNU long names, and the sparse formats of both. Names are bytes: the process's locale
// plays no part.

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>
#include <time.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/layer/read_ahead.h"

namespace hoy::oci {

struct TarEntry {
  std::string_view name;
  std::string_view link_target;  // of symlinks and hard links
  bool is_hard_link = false;
  mode_t type = 0;  // S_IFREG, S_IFDIR, ...
  mode_t mode = 0;  // permissions, setuid, setgid, sticky
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;
  int64_t size = 0;  // of a regular file, holes included
  timespec mtime{};
  bool has_xattrs = false;
};

class TarReader {
 public:
  explicit TarReader(ReadAhead& source);  // must outlive the reader
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;
  ~TarReader();

  // False: the archive ends here. The entry's texts stay until the next call. kCorrupt: damaged.
  Result<bool> Next(TarEntry& entry);

  struct Block {
    std::span<const std::byte> bytes;  // valid until the next call
    int64_t offset = 0;                // in the file; jumps over holes
  };
  // Empty bytes: the entry's data ends.
  Result<Block> ReadBlock();

  // Calls `visit(name, value)` for each extended attribute of the current entry.
  Result<> ForEachXattr(
      const std::function<Result<>(const char* name, std::span<const std::byte> value)>& visit);

  // Reads on to the end of the stream, behind the end of the archive: the diff ID covers it all.
  Result<> Drain();

 private:
  static la_ssize_t ReadCallback(archive* handle, void* self, const void** buffer);
  Error ArchiveError();

  ReadAhead& source_;
  archive* archive_;
  archive_entry* entry_ = nullptr;  // libarchive's
  std::optional<Error> source_error_;
  locale_t c_locale_;
};

}  // namespace hoy::oci
