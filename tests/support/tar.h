#pragma once
// Tar archives byte by byte, so that a test can write what no honest archiver would: entries named
// "../x", absolute links, wrong sizes. POSIX.1-2017 pax interchange format (ustar headers, 'x'
// records for long names and xattrs).

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace hoy::test {

struct TarEntry {
  std::string name;
  char type = '0';  // '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' dir, '6' fifo
  std::string content;
  std::string link;
  mode_t mode = 0644;
  uint64_t uid = 0;
  uint64_t gid = 0;
  uint64_t mtime = 1'700'000'000;
  unsigned device_major = 0;
  unsigned device_minor = 0;
  std::map<std::string, std::string> xattrs;
};

class Tar {
 public:
  Tar& Add(const TarEntry& entry);
  Tar& File(const std::string& name, std::string_view content, mode_t mode = 0644);
  Tar& Directory(const std::string& name, mode_t mode = 0755);
  Tar& Symlink(const std::string& name, const std::string& target);
  // `mode` should be the target's: some unpackers apply it to the file that both names share.
  Tar& HardLink(const std::string& name, const std::string& target, mode_t mode = 0644);
  Tar& Whiteout(const std::string& name);         // "a/b" -> entry "a/.wh.b"
  Tar& OpaqueDirectory(const std::string& name);  // "a" -> entry "a/.wh..wh..opq"
  Tar& Raw(std::string_view bytes);               // as they are, between entries

  std::string Finish() const;  // with the two zero blocks at the end

 private:
  std::string bytes_;
};

std::string Gzip(std::string_view bytes);
std::string Zstd(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);
std::string Sha256Digest(std::string_view bytes);  // "sha256:<hex>"

}  // namespace hoy::test
