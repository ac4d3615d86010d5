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
  Result<> Write(std::span<const std::byte> bytes);
  // Of the current file, bytes that are still to come.
  int64_t data_left() const { return data_left_; }

  // A small file made by hoy itself: mode 0644, owner 0, time 0.
  Result<> AddFile(const std::string& name, std::string_view content);

  Result<> Finish();  // two zero blocks

 private:
  Result<> Pad();
  Result<> WriteText(std::string_view text);

  ByteSink& sink_;
  int64_t data_left_ = 0;
  int64_t padding_ = 0;
};

}  // namespace hoy::oci
