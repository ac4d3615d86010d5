#include "core/monitor/log_repair.h"

#include <errno.h>
#include <unistd.h>

#include "core/log/frame.h"

namespace hoy::core {
namespace {

int CutAt(int fd, off_t good, off_t end) {
  return good < end && ftruncate(fd, good) != 0 ? errno : 0;
}

}  // namespace

int CutHalfFrame(int fd) {
  off_t end = lseek(fd, 0, SEEK_END);
  if (end < 0) return errno;
  // A block begins with a frame.
  auto block = static_cast<off_t>(kLogBlock);
  off_t good = end / block * block;
  while (good < end) {
    FrameHeader frame{};
    if (pread(fd, &frame, sizeof frame, good) != sizeof frame || !IsFrame(frame)) break;
    auto next = good + static_cast<off_t>(FrameSize(frame.length));
    if (next > end) break;
    good = next;
  }
  return CutAt(fd, good, end);
}

int CutHalfLine(int fd) {
  off_t end = lseek(fd, 0, SEEK_END);
  if (end < 0) return errno;
  char bytes[4096];
  for (off_t good = end; good > 0;) {
    off_t count = good < static_cast<off_t>(sizeof bytes) ? good : static_cast<off_t>(sizeof bytes);
    if (pread(fd, bytes, static_cast<size_t>(count), good - count) != count) return EIO;
    for (off_t i = count; i > 0; --i) {
      if (bytes[i - 1] == '\n') return CutAt(fd, good - count + i, end);
    }
    good -= count;
  }
  return CutAt(fd, 0, end);
}

}  // namespace hoy::core
