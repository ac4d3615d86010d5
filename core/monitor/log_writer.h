#pragma once
// Keeps what a container writes, by its log driver (core/state/log_config.h).
//
//   file       frames (core/log/frame.h)
//   json-file  docker's lines (core/log/json_line.h)
//   journald   a datagram for each line (journal.h)
//   none       nothing
//   passthrough  nothing comes by
//
// A log that cannot be written (disk full) never stops the container. What could not be written is
// taken back whole, so that no reader sees half a frame or line, and counted; `file` notes in place
// that something is missing, as soon as there is room again. Files are rotated as
// core/log/rotated_files.h draws it.

#include <sys/uio.h>

#include <cstdint>
#include <string_view>

#include "core/log/frame.h"
#include "core/monitor/journal.h"
#include "core/monitor/line_splitter.h"
#include "core/state/log_config.h"

namespace hoy::core {

struct LogTarget {
  LogDriver driver = LogDriver::kNone;
  // Of the file that is written. Made by every driver: it is also the mark that the container has
  // run.
  const char* path = nullptr;
  uint64_t max_size = 0;
  uint32_t max_files = 1;
  uint64_t next_number = 1;         // what the file that is written will be called when rotated
  std::string_view extra;           // json-file: `"attrs":{...},`; journald: fields in its form
  const char* lost_path = nullptr;  // where the loss is noted while the container runs
  char* const* packer = nullptr;    // argv, exec'd after each rotation; or null
};

// What was not written, in bytes that the container wrote.
struct LogLoss {
  uint64_t bytes = 0;
  uint64_t unmarked = 0;  // those that the log itself does not tell of
};

// A stream is read into the payload.
struct LogBuffer {
  char bytes[kMaxFramePayload];
  char* payload() { return bytes; }
};

class LogWriter {
 public:
  // `after_crash`: a monitor that was killed may have left half a frame or line at the end, which
  // is cut off; what cannot be opened or mended is gone without. 0, or an errno.
  int Open(const LogTarget& target, bool after_crash);

  // How much to read for one Write, so that it fits into one frame.
  uint32_t MostThatFits() const;

  // The place in the log of what was written: behind all that a reader has to have read before.
  // kNotLogged: it could not be, or this driver's log has no places.
  uint64_t Write(LogStream stream, const LogBuffer& buffer, uint32_t length);
  // The place of the next. 0: there are none.
  uint64_t end() const { return HasPlaces() ? LogPlace(target_.next_number, FileEnd()) : 0; }

  // At the end: nothing is written after it.
  void Finish();
  void Sync();

  const LogLoss& loss() const { return loss_; }

 private:
  int OpenTarget(bool after_crash);
  bool HasPlaces() const {
    return target_.driver == LogDriver::kFile && target_.next_number < kMostPlacedFiles - 1;
  }
  uint64_t FileEnd() const { return size_ + GapAt(size_); }

  uint64_t WriteFrames(LogStream stream, const char* bytes, size_t length, int64_t time);
  size_t PieceThatFits(LogStream stream, const char* bytes, size_t length, bool may_rotate);
  bool WriteFrame(LogStream stream, const char* bytes, size_t length, int64_t time);
  bool FitsWithMark(size_t length) const;
  void MarkLoss(int64_t time);

  void WriteLines(LogStream stream, const char* bytes, size_t length, int64_t time);
  void WriteMessage(const LogMessage& message);
  void WriteJson(const LogMessage& message);
  void PutJson(std::string_view text);
  bool FlushJson();

  uint64_t Append(iovec* parts, int count, uint64_t size);
  void CutTo(uint64_t size);
  bool Rotate();
  void LeaveNumber(const char* rotated) const;
  void RunPacker() const;
  void Lose(uint64_t bytes);

  LogTarget target_;
  int fd_ = -1;
  uint64_t size_ = 0;
  bool written_ = false;
  bool open_line_[2] = {};  // file: the stream's last byte was no newline
  LogLoss loss_;
  int lost_fd_ = -1;

  LineSplitter splitters_[2];
  Journal journal_;

  // json-file: lines on their way.
  static constexpr size_t kJsonBuffer = 32 * 1024;
  char json_[kJsonBuffer];
  size_t json_used_ = 0;
  uint64_t whole_lines_ = 0;  // the file's size after the last line that is there as a whole
  uint64_t json_text_ = 0;    // bytes of the container's that came after it
  bool json_broken_ = false;  // the line at hand is lost already
};

}  // namespace hoy::core
