#include "core/monitor/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace hoy::core {
namespace {

int64_t WallClock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// Cuts off what comes after the last whole frame. 0, or an errno.
int CutHalfFrame(int fd) {
  off_t end = lseek(fd, 0, SEEK_END);
  off_t good = 0;
  while (good < end) {
    FrameHeader frame{};
    if (pread(fd, &frame, sizeof frame, good) != sizeof frame) break;
    if (frame.magic != kFrameMagic || frame.length == 0 || frame.length > kMaxFramePayload) break;
    auto next = good + static_cast<off_t>(FrameSize(frame.length));
    if (next > end) break;
    good = next;
  }
  return good < end && ftruncate(fd, good) != 0 ? errno : 0;
}

}  // namespace

int LogWriter::Open(const char* path, bool after_crash) {
  fd_ = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd_ < 0) return errno;
  int error = after_crash ? CutHalfFrame(fd_) : 0;
  end_ = static_cast<uint64_t>(lseek(fd_, 0, SEEK_END));
  return error;
}

uint64_t LogWriter::Write(LogStream stream, LogBuffer& buffer, uint32_t length) {
  if (fd_ < 0) return kNotLogged;
  FrameHeader header{kFrameMagic, length, stream, 0, WallClock()};
  memcpy(buffer.frame, &header, sizeof header);
  memcpy(buffer.frame + sizeof header + length, &length, sizeof(FrameTrailer));
  const char* from = buffer.frame;
  uint64_t left = FrameSize(length);
  while (left > 0) {
    ssize_t count = write(fd_, from, left);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      error_ = errno;
      // A cut frame would end the log for every reader: take it back.
      uint64_t written = FrameSize(length) - left;
      off_t end = lseek(fd_, 0, SEEK_END);
      if (written > 0 && end >= static_cast<off_t>(written)) {
        if (ftruncate(fd_, end - static_cast<off_t>(written)) != 0) error_ = errno;
      }
      return kNotLogged;
    }
    from += count;
    left -= static_cast<uint64_t>(count);
  }
  written_ = true;
  uint64_t place = end_;
  end_ += FrameSize(length);
  return place;
}

void LogWriter::Sync() {
  if (written_) fdatasync(fd_);
}

}  // namespace hoy::core
