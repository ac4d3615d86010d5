#include "core/monitor/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fail_point.h"
#include "core/log/json_line.h"
#include "core/monitor/log_repair.h"
#include "core/monitor/read_clock.h"
#include "core/monitor/run_helper.h"
#include "core/monitor/text_line.h"

namespace hoy::core {
namespace {

int OpenFile(const char* path) {
  return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

constexpr char kEmptySuffix[] = ".new";

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

constexpr size_t kMostOfEscape = 6;
constexpr size_t kMostOfJsonLine = 128;  // without its text and attributes

iovec Part(const void* bytes, size_t size) {
  return {const_cast<void*>(bytes), size};
}

}  // namespace

int LogWriter::Open(const LogTarget& target, bool after_crash) {
  target_ = target;
  int error = OpenTarget(after_crash);
  if (error == 0 || !after_crash) return error;
  // A container that runs already is held in any case. To the journal each message tries again;
  // where there is no file, all that comes is counted as lost.
  if (target.driver == LogDriver::kJournald) return 0;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  return 0;
}

int LogWriter::OpenTarget(bool after_crash) {
  fd_ = OpenFile(target_.path);
  if (fd_ < 0) return errno;
  if (target_.driver == LogDriver::kJournald) return journal_.Open();
  if (after_crash) {
    int error = target_.driver == LogDriver::kFile       ? CutHalfFrame(fd_)
                : target_.driver == LogDriver::kJsonFile ? CutHalfLine(fd_)
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
  uint64_t room = kLogBlock - FileEnd() % kLogBlock - kFrameOverhead;
  return room < kMaxFramePayload ? static_cast<uint32_t>(room) : kMaxFramePayload;
}

uint64_t LogWriter::Write(LogStream stream, const LogBuffer& buffer, uint32_t length) {
  if (target_.driver == LogDriver::kNone || target_.driver == LogDriver::kPassthrough) {
    return kNotLogged;
  }
  int64_t time = ReadClock(CLOCK_REALTIME);
  if (target_.driver == LogDriver::kFile) return WriteFrames(stream, buffer.bytes, length, time);
  WriteLines(stream, buffer.bytes, length, time);
  return kNotLogged;
}

void LogWriter::Finish() {
  if (target_.driver == LogDriver::kFile) {
    MarkLoss(ReadClock(CLOCK_REALTIME));
  } else if (target_.driver != LogDriver::kNone) {
    for (LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
      LogMessage message{.stream = stream};
      if (splitters_[stream == LogStream::kStderr].Rest(ReadClock(CLOCK_REALTIME), &message)) {
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

// How much of it is there now, behind size_. Less than all: there is no room.
uint64_t LogWriter::Append(iovec* parts, int count, uint64_t size) {
  uint64_t done = 0;
  while (done < size) {
    ssize_t written = writev(fd_, parts, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return done;
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
  written_ = true;
  return done;
}

void LogWriter::CutTo(uint64_t size) {
  size_ = size;
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    // Its reader stops there, and an adopting monitor cuts it off.
  }
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
  uint64_t size = gap_size + FrameSize(header.length);
  uint64_t done = Append(has_gap ? parts : parts + 1, has_gap ? 4 : 3, size);
  if (done == size) {
    size_ += size;
    return true;
  }
  if (done > 0) CutTo(size_);
  return false;
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
  uint64_t room = kLogBlock - FileEnd() % kLogBlock;
  return FrameSize(sizeof(uint64_t)) + FrameSize(static_cast<uint32_t>(length)) <= room;
}

uint64_t LogWriter::WriteFrames(LogStream stream, const char* bytes, size_t length, int64_t time) {
  bool may_rotate = true;
  // Behind what came before; where something lies between, that has to be read first.
  uint64_t place = end();
  bool logged = false;
  while (length > 0) {
    size_t piece = PieceThatFits(stream, bytes, length, may_rotate);
    if (piece == 0) {
      may_rotate = Rotate();
      continue;
    }
    // One frame for each Write: a note that does not fit before it comes before the next.
    bool marks = loss_.unmarked > 0 && FitsWithMark(piece);
    if (marks) {
      MarkLoss(time);
      if (!logged) place = end();
    }
    uint64_t room = kLogBlock - FileEnd() % kLogBlock - kFrameOverhead;
    if (piece > room) piece = room;
    if ((marks && loss_.unmarked > 0) || !WriteFrame(stream, bytes, piece, time)) {
      Lose(piece);
    } else {
      logged = true;
    }
    open_line_[stream == LogStream::kStderr] = bytes[piece - 1] != '\n';
    bytes += piece;
    length -= piece;
  }
  return logged && HasPlaces() ? place : kNotLogged;
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
  // So that what goes out at once is many whole lines, or a part of one.
  size_t room = kMostOfJsonLine + target_.extra.size() + kMostOfEscape * message.text.size();
  if (json_used_ + room > kJsonBuffer) FlushJson();
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
  } else if (size_ > whole_lines_) {
    FlushJson();  // its end, alone
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

// Between two lines, or in one that does not fit. False: what did not get there as a whole line is
// lost. A line that is there as a whole stays: somebody may have read it.
bool LogWriter::FlushJson() {
  if (json_used_ == 0) return true;
  bool at_end = json_[json_used_ - 1] == '\n';  // a newline of the text is escaped
  bool in_line = size_ > whole_lines_;
  size_t size = json_used_;
  iovec part = Part(json_, size);
  uint64_t done = Append(&part, 1, size);
  json_used_ = 0;
  if (done == size) {
    size_ += size;
    if (at_end) whole_lines_ = size_;
    if (at_end) json_text_ = 0;
    return true;
  }
  size_t kept = in_line ? 0 : LastLine(json_, done);
  whole_lines_ = in_line ? whole_lines_ : size_ + kept;
  CutTo(whole_lines_);
  Lose(json_text_ - JsonTextSize({json_, kept}));
  json_text_ = 0;
  json_broken_ = true;
  return false;
}

// False: it could not be done, and the file goes on.
bool LogWriter::Rotate() {
  RotatedPath rotated(target_.path, target_.next_number, "");
  if (rename(target_.path, rotated.text) != 0) return false;
  FailPoint("log-renamed");
  int fd = OpenFile(target_.path);
  if (fd < 0) {
    if (rename(rotated.text, target_.path) != 0) {
      // Without its name it goes on, too.
    }
    return false;
  }
  FailPoint("log-made-again");
  if (target_.max_files == 1) LeaveNumber(rotated.text);
  close(fd_);
  fd_ = fd;
  size_ = whole_lines_ = 0;
  uint64_t keep = target_.max_files > 1 ? target_.max_files - 1 : 1;
  if (target_.next_number > keep) {
    uint64_t old = target_.next_number - keep;
    unlink(RotatedPath(target_.path, old, "").text);
    FailPoint("log-pruned");
    unlink(RotatedPath(target_.path, old, ".gz").text);
  }
  ++target_.next_number;
  RunPacker();
  return true;
}

// An empty file in place of one that is not kept. Whoever reads that one reads it to its end.
void LogWriter::LeaveNumber(const char* rotated) const {
  RotatedPath empty(target_.path, target_.next_number, kEmptySuffix);
  int fd = open(empty.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool replaced = fd >= 0 && rename(empty.text, rotated) == 0;
  if (fd >= 0) close(fd);
  if (!replaced && ftruncate(fd_, 0) != 0) {
    // It takes room until the next rotation.
  }
}

// One that fails leaves its file to the next rotation's.
void LogWriter::RunPacker() const {
  if (target_.packer != nullptr) RunHelper(target_.packer);
}

}  // namespace hoy::core
