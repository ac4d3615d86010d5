#pragma once
// A part of a growing file in memory, read ahead of whoever goes through it.

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

class ReadWindow {
 public:
  explicit ReadWindow(Fd fd) : fd_(std::move(fd)) {}

  uint64_t offset() const { return offset_; }  // of bytes()[0]
  std::string_view bytes() const { return {buffer_.data() + begin_, end_ - begin_}; }

  void SeekTo(uint64_t offset);
  void Skip(uint64_t count);  // of bytes that are there

  // Has at least `want` bytes; false: the file ends before. Where there were fewer, all of them are
  // read again: the end of a file may be taken back and written anew (log_writer.h), and what was
  // read of it before that must not be put together with what came after.
  Result<bool> Fill(uint64_t want);

  // Elsewhere in the file, past the window. How many bytes there were.
  Result<size_t> ReadAt(uint64_t offset, void* to, size_t size) const;
  Result<uint64_t> FileSize() const;
  BorrowedFd fd() const { return fd_; }

 private:
  Fd fd_;
  uint64_t offset_ = 0;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace hoy::core
