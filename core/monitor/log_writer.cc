#include "core/monitor/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/monitor/log_repair.h"
#include "core/monitor/text_line.h"

namespace hoy::core {
namespace {

int64_t WallClock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

int OpenFile(const char* path) {
  return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// "<path>.<number><suffix>"
struct RotatedPath {
  char text[PATH_MAX];
  RotatedPath(const char* path, uint64_t number, std::string_view suffix) {
    TextLine name;
    name << "." << static_cast<int64_t>(number) << suffix;
    size_t length = strnlen(path, sizeof text - 32);
    memcpy(text, path, length);
    memcpy(text + length, name.view().data(), name.view().size());
    text[length + name.view().size()] = '\0';
  }
};

// How many bytes there are up to the first newline, with it; 0: there is none.
size_t FirstLine(const char* bytes, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    if (bytes[i] == '\n') return i + 1;
  }
  return 0;
}

size_t LastLine(const char* bytes, size_t length) {
  while (length > 0 && bytes[length - 1] != '\n') --length;
  return length;
}

iovec Part(const void* bytes, size_t size) {
  return {const_cast<void*>(bytes), size};
}

}  // namespace

int LogWriter::Open(const LogTarget& target, bool after_crash) {
  target_ = target;
  fd_ = OpenFile(target.path);
  if (fd_ < 0) return errno;
  if (target.driver == LogDriver::kJournald) return journal_.Open();
  if (after_crash) {
    int error = target.driver == LogDriver::kFile       ? CutHalfFrame(fd_)
                : target.driver == LogDriver::kJsonFile ? CutHalfLine(fd_)
                                                        : 0;
    if (error != 0) return error;
  }
  off_t end = lseek(fd_, 0, SEEK_END);
  if (end < 0) return errno;
  size_ = whole_lines_ = static_cast<uint64_t>(end);
  return 0;
}

uint32_t LogWriter::MostThatFits() const {
  if (target_.driver != LogDriver::kFile) return kMaxFramePayload;
  uint64_t room = kLogBlock - end() % kLogBlock - kFrameOverhead;
  return room < kMaxFramePayload ? static_cast<uint32_t>(room) : kMaxFramePayload;
}

uint64_t LogWriter::Write(LogStream stream, const LogBuffer& buffer, uint32_t length) {
  if (target_.driver == LogDriver::kNone) return kNotLogged;
  int64_t time = WallClock();
  if (target_.driver == LogDriver::kFile) return WriteFrames(stream, buffer.bytes, length, time);
  WriteLines(stream, buffer.bytes, length, time);
  return kNotLogged;
}

void LogWriter::Finish() {
  if (target_.driver == LogDriver::kFile) {
    MarkLoss(WallClock());
  } else if (target_.driver != LogDriver::kNone) {
    for (LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
      LogMessage message{.stream = stream};
      if (splitters_[stream == LogStream::kStderr].Rest(WallClock(), &message)) {
        WriteMessage(message);
      }
    }
    FlushJson();
  }
}

void LogWriter::Sync() {
  if (written_) fdatasync(fd_);
}

void LogWriter::Lose(uint64_t bytes) {
  loss_.bytes += bytes;
  loss_.unmarked += bytes;
  if (target_.lost_path == nullptr) return;
  if (lost_fd_ < 0) {
    lost_fd_ = open(target_.lost_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  }
  if (lost_fd_ < 0) return;
  TextLine line;
  line << static_cast<int64_t>(loss_.bytes) << " " << static_cast<int64_t>(loss_.unmarked) << "\n";
  if (pwrite(lost_fd_, line.view().data(), line.view().size(), 0) < 0) {
    // The exit record will have it.
  }
}

// All of it or nothing.
bool LogWriter::Append(iovec* parts, int count, uint64_t size) {
  uint64_t done = 0;
  while (done < size) {
    ssize_t written = writev(fd_, parts, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (done > 0 && ftruncate(fd_, static_cast<off_t>(size_)) != 0) {
        // Its reader stops there, and an adopting monitor cuts it off.
      }
      return false;
    }
    done += static_cast<uint64_t>(written);
    auto skip = static_cast<size_t>(written);
    while (count > 0 && skip >= parts->iov_len) {
      skip -= parts->iov_len;
      ++parts;
      --count;
    }
    if (count > 0) {
      parts->iov_base = static_cast<char*>(parts->iov_base) + skip;
      parts->iov_len -= skip;
    }
  }
  size_ += size;
  written_ = true;
  return true;
}

bool LogWriter::WriteFrame(LogStream stream, const char* bytes, size_t length, int64_t time) {
  FrameHeader header{kFrameMagic, static_cast<uint32_t>(length), stream, 0, time};
  FrameTrailer trailer = header.length;
  char gap[kLeastFrame];
  uint64_t gap_size = GapAt(size_);
  memset(gap, static_cast<int>(gap_size), gap_size);
  iovec parts[] = {Part(gap, gap_size), Part(&header, sizeof header), Part(bytes, length),
                   Part(&trailer, sizeof trailer)};
  bool has_gap = gap_size > 0;
  return Append(has_gap ? parts : parts + 1, has_gap ? 4 : 3, gap_size + FrameSize(header.length));
}

void LogWriter::MarkLoss(int64_t time) {
  if (loss_.unmarked == 0) return;
  uint64_t lost = loss_.unmarked;
  if (GapAt(size_) == 0 && kLogBlock - size_ % kLogBlock < FrameSize(sizeof lost)) {
    // It would cross into the next block, and a filler as small as that does not exist.
    char filler = '\n';
    if (!WriteFrame(LogStream::kLost, &filler, 1, time)) return;
  }
  if (!WriteFrame(LogStream::kLost, reinterpret_cast<const char*>(&lost), sizeof lost, time))
    return;
  loss_.unmarked = 0;
  Lose(0);
}

// How much to write to the file that is open: up to its limit, and whole lines where that is
// possible. May rotate first.
size_t LogWriter::PieceThatFits(LogStream stream, const char* bytes, size_t length,
                                bool may_rotate) {
  if (target_.max_size == 0 || !may_rotate) return length;
  uint64_t taken = size_ + kFrameOverhead + kLeastFrame;
  uint64_t room = taken < target_.max_size ? target_.max_size - taken : 0;
  if (length <= room) return length;
  if (size_t lines = LastLine(bytes, room); lines > 0) return lines;
  size_t line = FirstLine(bytes, length);
  bool goes_on = open_line_[stream == LogStream::kStderr] && size_ < 2 * target_.max_size;
  if (size_ == 0 || goes_on) return line > 0 ? line : length;
  return 0;
}

// Whether a note of what is missing and a frame fit before the end of the block.
bool LogWriter::FitsWithMark(size_t length) const {
  uint64_t room = kLogBlock - end() % kLogBlock;
  return FrameSize(sizeof(uint64_t)) + FrameSize(static_cast<uint32_t>(length)) <= room;
}

uint64_t LogWriter::WriteFrames(LogStream stream, const char* bytes, size_t length, int64_t time) {
  bool may_rotate = true;
  uint64_t place = kNotLogged;
  while (length > 0) {
    size_t piece = PieceThatFits(stream, bytes, length, may_rotate);
    if (piece == 0) {
      may_rotate = Rotate();
      continue;
    }
    // One frame for each Write: a note that does not fit before it comes before the next.
    bool marks = loss_.unmarked > 0 && FitsWithMark(piece);
    if (marks) MarkLoss(time);
    uint64_t begin = end();
    uint64_t room = kLogBlock - begin % kLogBlock - kFrameOverhead;
    if (piece > room) piece = room;
    if ((marks && loss_.unmarked > 0) || !WriteFrame(stream, bytes, piece, time)) {
      Lose(piece);
    } else if (place == kNotLogged) {
      place = begin;
    }
    open_line_[stream == LogStream::kStderr] = bytes[piece - 1] != '\n';
    bytes += piece;
    length -= piece;
  }
  return place;
}

void LogWriter::WriteLines(LogStream stream, const char* bytes, size_t length, int64_t time) {
  std::string_view rest(bytes, length);
  LogMessage message;
  message.stream = stream;
  while (!rest.empty()) {
    if (splitters_[stream == LogStream::kStderr].Next(&rest, time, &message)) WriteMessage(message);
  }
  if (target_.driver == LogDriver::kJsonFile) FlushJson();
}

void LogWriter::WriteMessage(const LogMessage& message) {
  if (target_.driver == LogDriver::kJsonFile) {
    WriteJson(message);
  } else if (!journal_.Send(target_.extra, message)) {
    Lose(message.text.size() + (message.ends ? 1 : 0));
  }
}

void LogWriter::WriteJson(const LogMessage& message) {
  if (target_.max_size > 0 && size_ + json_used_ >= target_.max_size && FlushJson()) Rotate();
  json_broken_ = false;
  json_text_ += message.text.size() + (message.ends ? 1 : 0);
  PutJson("{\"log\":\"");
  std::string_view rest = message.text;
  while (true) {
    json_used_ += EscapeJson(&rest, json_ + json_used_, kJsonBuffer - json_used_);
    if (rest.empty() || json_broken_) break;
    if (!FlushJson()) break;
  }
  if (message.ends) PutJson("\\n");
  PutJson("\",\"stream\":\"");
  PutJson(message.stream == LogStream::kStderr ? "stderr" : "stdout");
  PutJson("\",");
  PutJson(target_.extra);
  PutJson("\"time\":\"");
  char time[kMaxJsonTime];
  PutJson({time, FormatJsonTime(message.time, time)});
  PutJson("\"}\n");
  if (json_broken_) {
    json_text_ = 0;
    json_used_ = 0;
  } else if (json_used_ == 0) {
    whole_lines_ = size_;
    json_text_ = 0;
  }
}

void LogWriter::PutJson(std::string_view text) {
  while (!text.empty() && !json_broken_) {
    size_t room = kJsonBuffer - json_used_;
    if (room == 0) {
      FlushJson();
      continue;
    }
    size_t count = text.size() < room ? text.size() : room;
    memcpy(json_ + json_used_, text.data(), count);
    json_used_ += count;
    text.remove_prefix(count);
  }
}

// Between two lines, or in one that does not fit. False: it is lost, with what came of it before.
bool LogWriter::FlushJson() {
  if (json_used_ == 0) return true;
  bool at_end = json_[json_used_ - 1] == '\n';  // a newline of the text is escaped
  iovec part = Part(json_, json_used_);
  bool written = Append(&part, 1, json_used_);
  json_used_ = 0;
  if (!written) {
    if (size_ > whole_lines_ && ftruncate(fd_, static_cast<off_t>(whole_lines_)) == 0) {
      size_ = whole_lines_;
    }
    Lose(json_text_);
    json_text_ = 0;
    json_broken_ = true;
  } else if (at_end) {
    whole_lines_ = size_;
    json_text_ = 0;
  }
  return written;
}

// False: it could not be done, and the file goes on.
bool LogWriter::Rotate() {
  bool keeps = target_.max_files > 1;
  RotatedPath rotated(target_.path, target_.next_number, "");
  if ((keeps ? rename(target_.path, rotated.text) : unlink(target_.path)) != 0) return false;
  int fd = OpenFile(target_.path);
  if (fd < 0) {
    if (!keeps || rename(rotated.text, target_.path) != 0) {
      // Without its name it goes on, too.
    }
    return false;
  }
  close(fd_);
  fd_ = fd;
  size_ = whole_lines_ = 0;
  if (!keeps) return true;
  uint64_t keep = target_.max_files - 1;
  if (target_.next_number > keep) {
    uint64_t old = target_.next_number - keep;
    unlink(RotatedPath(target_.path, old, "").text);
    unlink(RotatedPath(target_.path, old, ".gz").text);
  }
  ++target_.next_number;
  RunPacker();
  return true;
}

// As a grandchild, which nobody has to wait for.
void LogWriter::RunPacker() const {
  if (target_.packer == nullptr) return;
  auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child < 0) return;
  if (child == 0) {
    auto packer =
        static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (packer != 0) _exit(0);
    char* environment[] = {nullptr};
    execve(target_.packer[0], target_.packer, environment);
    _exit(1);  // the next rotation's packer takes this one's file, too
  }
  while (wait4(child, nullptr, 0, nullptr) < 0 && errno == EINTR) {
  }
}

}  // namespace hoy::core
