#pragma once
// Writes tar as a stream: ustar headers, and before them a pax header (POSIX.1-2017) for what ustar
// cannot say: long names, names that are not ASCII, large numbers, negative times, and extended
// attributes (star's SCHILY.xattr). The same entries always give the same bytes: nothing of the
// machine or of the moment comes in.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/tar_reader.h"

namespace hoy::oci {

class TarWriter {
 public:
  explicit TarWriter(ByteSink& sink) : sink_(sink) {}  // must outlive the writer

  // A directory's name gets its slash. Of a regular file, `entry.size` bytes are to follow through
  // Write. Times are written in whole seconds, as docker writes them. The data of the entry before
  // must be complete.
  Result<> Begin(const TarEntry& entry);
  // Of a regular file, only the bytes of `map` are to follow: GNU's pax format for sparse files,
  // version 1.0, which GNU tar, libarchive and Go's archive/tar (docker) read.
  Result<> BeginSparse(const TarEntry& entry, const SparseMap& map);
  Result<> Write(std::span<const std::byte> bytes);
  // Of the current file, bytes that are still to come.
  int64_t data_left() const { return data_left_; }

  // A small file made by hoy itself: mode 0644, owner 0, time 0.
  Result<> AddFile(const std::string& name, std::string_view content);

  Result<> Finish();  // two zero blocks

 private:
  static std::string SparseHeaderName(const std::string& name);
  // `size`: of the data in the archive.
  Result<> WriteHeaders(const TarEntry& entry, const std::string& name, int64_t size);
  Result<> Pad();
  Result<> WriteText(std::string_view text);

  ByteSink& sink_;
  int64_t data_left_ = 0;
  int64_t padding_ = 0;
};

}  // namespace hoy::oci
