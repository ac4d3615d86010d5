#include "core/log/log_reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "core/log/gzip.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

size_t IndexOf(LogStream stream) {
  return stream == LogStream::kStderr ? 1 : 0;
}

uint64_t FileBefore(uint64_t place) {
  uint64_t file = FileOfPlace(place);
  return file > 0 ? file - 1 : 0;
}

Result<std::unique_ptr<LogFile>> MakeReadable(LogForm form, OpenedFile opened) {
  if (!opened.packed) return MakeLogFile(form, std::move(opened.fd));
  TRY(Fd unpacked, UnpackGzip(opened.fd));
  return MakeLogFile(form, std::move(unpacked));
}

}  // namespace

Result<LogReader> LogReader::Open(const std::string& path, LogForm form, uint64_t place) {
  LogReader reader{RotatedFiles(path), form};
  TRY(std::optional<OpenedFile> first, reader.files_.OpenAfter(FileBefore(place)));
  if (!first) return Fail(ErrorKind::kNotFound, "there is no log '{}'", path);
  if (first->packed && place == 0) {
    // Unpacked when it comes to it: a search begins elsewhere.
    reader.number_ = first->number - 1;
    reader.complete_ = true;
    TRY(Fd nothing, OpenAt(kCwd, "/dev/null", O_RDONLY));
    reader.file_ = MakeLogFile(form, std::move(nothing));
    return reader;
  }
  posix_fadvise(first->fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  TRY(reader.Read(*std::move(first)));
  if (place != 0) TRY(reader.SeekToPlace(place));
  return reader;
}

Result<> LogReader::Read(OpenedFile opened) {
  number_ = opened.number;
  complete_ = opened.complete;
  TRY(file_, MakeReadable(form_, std::move(opened)));
  return {};
}

// The one that is written, or, where there is none between two steps of a rotation, the last.
Result<std::optional<OpenedFile>> LogReader::OpenLast() const {
  auto current = files_.OpenCurrent();
  if (current) return std::optional(*std::move(current));
  if (current.error().kind != ErrorKind::kNotFound) return Fail(std::move(current).error());
  return files_.OpenBefore(UINT64_MAX);
}

Result<uint64_t> LogReader::End() const {
  TRY(std::optional<OpenedFile> last, OpenLast());
  if (!last) return 0;
  if (last->complete) return LogPlace(last->number + 1, 0);
  struct stat status{};
  if (fstat(last->fd.get(), &status) != 0) return FailErrno("stat", "log");
  return LogPlace(last->number, static_cast<uint64_t>(status.st_size));
}

Result<> LogReader::SeekToPlace(uint64_t place) {
  uint64_t wanted = FileOfPlace(place);
  if (wanted != number_) {
    TRY(std::optional<OpenedFile> opened, files_.OpenAfter(FileBefore(place)));
    if (!opened) return Fail(ErrorKind::kNotFound, "the log is gone");
    TRY(Read(*std::move(opened)));
  }
  uint64_t end = OffsetOfPlace(place);
  if (number_ == wanted && complete_) {
    TRY(end, file_->SeekToEnd());
  }
  // The file is gone, or only its number is left.
  gap_ = gap_ || number_ != wanted || end < OffsetOfPlace(place);
  if (number_ == wanted) file_->SeekTo(OffsetOfPlace(place));
  return {};
}

// Whether the file that was the current one is still. All that was written to one that is not was
// written before.
Result<bool> LogReader::IsRotated() const {
  struct stat ours{};
  struct stat current{};
  if (fstat(file_->fd().get(), &ours) != 0) return FailErrno("stat", "log");
  if (stat(files_.path().c_str(), &current) != 0) {
    // Between its two steps; or the whole container is gone, and so is what comes next.
    if (errno == ENOENT) return true;
    return FailErrno("stat", files_.path());
  }
  return ours.st_ino != current.st_ino || ours.st_dev != current.st_dev;
}

Result<> LogReader::Advance() {
  struct stat ours{};
  if (fstat(file_->fd().get(), &ours) != 0) return FailErrno("stat", "log");
  TRY(std::optional<OpenedFile> next, files_.OpenAfter(number_));
  if (!next) return {};
  struct stat theirs{};
  if (fstat(next->fd.get(), &theirs) != 0) return FailErrno("stat", "log");
  // The same file under the name it has got meanwhile.
  if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev) {
    number_ = next->number;
    complete_ = next->complete;
    return {};
  }
  if (next->number > number_ + 1) gap_ = true;
  return Read(*std::move(next));
}

Result<std::optional<LogFrame>> LogReader::Next() {
  while (true) {
    TRY(std::optional<LogFrame> frame, file_->Next());
    if (!frame) {
      if (!complete_) {
        TRY(complete_, IsRotated());
        if (!complete_) return std::nullopt;
        continue;  // what was written between our read and the rotation
      }
      const LogFile* before = file_.get();
      TRY(Advance());
      if (file_.get() == before) return std::nullopt;
      continue;
    }
    if (frame->stream == LogStream::kLost) return frame;
    const Tail& from = from_[IndexOf(frame->stream)];
    Place place{number_, frame->offset};
    if (place < from.place) continue;
    if (place == from.place) frame->payload.remove_prefix(from.skip);
    if (!frame->payload.empty()) return frame;
  }
}

void LogReader::Tail::Count(const LogFrame& frame, uint64_t file, uint64_t lines,
                            uint64_t* counted) {
  std::string_view payload = frame.payload;
  size_t position = payload.size();
  if (phase == Phase::kUnseen) {
    // The last line of its stream, whether its newline is there or not.
    ++*counted;
    phase = Phase::kInLine;
    if (payload.back() == '\n') --position;
  }
  place = {file, frame.offset};
  while (position > 0) {
    const void* newline = memrchr(payload.data(), '\n', position);
    if (newline == nullptr) break;
    position = static_cast<size_t>(static_cast<const char*>(newline) - payload.data());
    if (*counted == lines) {
      phase = Phase::kDone;
      skip = position + 1;
      return;
    }
    ++*counted;
  }
  skip = 0;
}

Result<> LogReader::SeekToTail(uint64_t lines) {
  struct Visited {
    uint64_t number;
    bool complete;
    std::unique_ptr<LogFile> file;
  };
  std::vector<Visited> visited;
  TRY(std::optional<OpenedFile> opened, OpenLast());
  if (!opened) return {};
  std::array<Tail, 2> tails;
  uint64_t counted = 0;
  auto wanted = [&](const Tail& tail) {
    return tail.phase == Tail::Phase::kInLine ||
           (tail.phase == Tail::Phase::kUnseen && counted < lines);
  };
  while (opened) {
    uint64_t number = opened->number;
    visited.push_back({number, opened->complete, nullptr});
    TRY(visited.back().file, MakeReadable(form_, *std::move(opened)));
    LogFile& file = *visited.back().file;
    TRY(uint64_t end, file.SeekToEnd());
    if (visited.size() == 1) {
      for (Tail& tail : tails) tail.place = {number, end};
    }
    while (wanted(tails[0]) || wanted(tails[1])) {
      TRY(std::optional<LogFrame> frame, file.Previous());
      if (!frame) break;
      if (frame->stream == LogStream::kLost || frame->payload.empty()) continue;
      Tail& tail = tails[IndexOf(frame->stream)];
      if (wanted(tail)) tail.Count(*frame, visited.back().number, lines, &counted);
    }
    if (!wanted(tails[0]) && !wanted(tails[1])) break;
    TRY(opened, files_.OpenBefore(visited.back().number));
  }
  from_ = tails;
  Place start = std::min(tails[0].place, tails[1].place);
  for (Visited& candidate : visited) {
    if (candidate.number != start.file) continue;
    file_ = std::move(candidate.file);
    number_ = candidate.number;
    complete_ = candidate.complete;
    file_->SeekTo(start.offset);
  }
  return {};
}

Result<> LogReader::SeekToTime(Timestamp time) {
  TRY(std::optional<OpenedFile> opened, OpenLast());
  // Backwards, to the last file that begins with an older frame.
  while (opened) {
    TRY(Read(*std::move(opened)));
    TRY(std::optional<LogFrame> first, file_->Next());
    if (first && first->time < time) return file_->SeekToTime(time);
    file_->SeekTo(0);
    TRY(opened, files_.OpenBefore(number_));
  }
  return {};
}

}  // namespace hoy::core
