// The form of json_line.h.

#include <string.h>

#include <algorithm>
#include <string>

#include "core/log/json_line.h"
#include "core/log/log_file.h"
#include "core/log/make_log_file.h"
#include "core/log/read_window.h"

namespace hoy::core {
namespace {

constexpr uint64_t kNarrow = 64 * 1024;  // bisection ends, reading begins
constexpr size_t kBackwards = 256 * 1024;

Error Damaged(uint64_t offset) {
  return MakeError(ErrorKind::kCorrupt, fmt::format("the log is damaged at byte {}", offset));
}

void AppendUtf8(std::string& text, unsigned code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    text += static_cast<char>(0xe0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// The string whose first byte is at the front, up to its closing quote; false: there is none.
bool Unescape(std::string_view* json, std::string& text) {
  while (true) {
    size_t plain = json->find_first_of("\"\\");
    if (plain == std::string_view::npos) return false;
    text.append(json->substr(0, plain));
    bool ends = (*json)[plain] == '"';
    json->remove_prefix(plain + 1);
    if (ends) return true;
    if (json->empty()) return false;
    char kind = json->front();
    json->remove_prefix(1);
    switch (kind) {
      case 'n': text += '\n'; break;
      case 'r': text += '\r'; break;
      case 't': text += '\t'; break;
      case 'b': text += '\b'; break;
      case 'f': text += '\f'; break;
      case 'u': {
        if (json->size() < 4) return false;
        unsigned code = 0;
        for (char c : json->substr(0, 4)) {
          unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                  : 16;
          if (digit == 16) return false;
          code = code * 16 + digit;
        }
        AppendUtf8(text, code);
        json->remove_prefix(4);
        break;
      }
      default: text += kind;
    }
  }
}

std::optional<Timestamp> TimeOf(std::string_view line) {
  constexpr std::string_view kTime = "\"time\":\"";
  size_t at = line.rfind(kTime);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + kTime.size());
  auto time = ParseRfc3339(line.substr(0, line.find('"')));
  return time ? std::optional(*time) : std::nullopt;
}

class JsonFile final : public LogFile {
 public:
  explicit JsonFile(Fd fd) : window_(std::move(fd)) {}

  Result<std::optional<LogFrame>> Next() override {
    TRY(std::optional<std::string_view> line, WholeLine());
    if (!line) return std::nullopt;
    TRY(LogFrame frame, Parse(*line, window_.offset()));
    window_.Skip(line->size());
    return frame;
  }

  Result<std::optional<LogFrame>> Previous() override {
    while (back_ > 0) {
      // held_ has what is before back_, from held_at_ on.
      std::string_view before(held_.data(), back_ - held_at_);
      size_t newline = before.empty() ? before.npos : before.rfind('\n', before.size() - 2);
      if (before.size() == 1) newline = before.npos;
      if (newline != before.npos || (held_at_ == 0 && !before.empty())) {
        size_t begin = newline == before.npos ? 0 : newline + 1;
        std::string_view line = before.substr(begin);
        back_ = held_at_ + begin;
        return Parse(line, back_);
      }
      TRY(HoldMore());
    }
    return std::nullopt;
  }

  Result<uint64_t> SeekToEnd() override {
    TRY(uint64_t size, window_.FileSize());
    back_ = held_at_ = size;
    held_.clear();
    // A line that is not whole does not count.
    while (back_ > 0) {
      std::string_view before(held_.data(), back_ - held_at_);
      size_t newline = before.rfind('\n');
      if (newline != before.npos) {
        back_ = held_at_ + newline + 1;
        break;
      }
      if (held_at_ == 0 && !before.empty()) {
        back_ = 0;
        break;
      }
      TRY(HoldMore());
    }
    held_.resize(back_ - held_at_);
    return back_;
  }

  uint64_t offset() const override { return window_.offset(); }
  void SeekTo(uint64_t offset) override { window_.SeekTo(offset); }

  Result<> SeekToTime(Timestamp time) override {
    TRY(uint64_t high, window_.FileSize());
    uint64_t low = 0;  // a line begins here, and it is older
    while (high - low > kNarrow) {
      uint64_t middle = low + (high - low) / 2;
      window_.SeekTo(middle);
      TRY(std::optional<std::string_view> cut, WholeLine());
      if (!cut) {
        high = middle;
        continue;
      }
      window_.Skip(cut->size());
      uint64_t begin = window_.offset();
      TRY(std::optional<std::string_view> line, WholeLine());
      std::optional<Timestamp> found = line ? TimeOf(*line) : std::nullopt;
      if (line && !found) return Fail(Damaged(begin));
      if (found && *found < time) {
        low = begin;
      } else {
        high = middle;
      }
    }
    window_.SeekTo(low);
    while (true) {
      TRY(std::optional<std::string_view> line, WholeLine());
      if (!line) return {};
      std::optional<Timestamp> found = TimeOf(*line);
      if (!found) return Fail(Damaged(window_.offset()));
      if (*found >= time) return {};
      window_.Skip(line->size());
    }
  }

  BorrowedFd fd() const override { return window_.fd(); }

 private:
  // The line at the front, with its newline.
  Result<std::optional<std::string_view>> WholeLine() {
    while (true) {
      std::string_view bytes = window_.bytes();
      size_t newline = bytes.find('\n');
      if (newline != bytes.npos) return bytes.substr(0, newline + 1);
      TRY(bool more, window_.Fill(bytes.size() + 1));
      if (!more) return std::nullopt;
    }
  }

  Result<LogFrame> Parse(std::string_view line, uint64_t offset) {
    LogFrame frame;
    frame.offset = offset;
    constexpr std::string_view kLog = "{\"log\":\"";
    std::string_view rest = line;
    text_.clear();
    std::optional<Timestamp> time = TimeOf(line);
    bool good = time && rest.starts_with(kLog);
    if (good) rest.remove_prefix(kLog.size());
    if (!good || !Unescape(&rest, text_)) return Fail(Damaged(offset));
    frame.time = *time;
    frame.payload = text_;
    if (rest.starts_with(",\"stream\":\"stderr\"")) frame.stream = LogStream::kStderr;
    return frame;
  }

  Result<> HoldMore() {
    size_t count = std::min<uint64_t>(kBackwards, held_at_);
    std::string more(count, '\0');
    TRY(size_t got, window_.ReadAt(held_at_ - count, more.data(), count));
    if (got != count) return Fail(Damaged(held_at_ - count));
    held_at_ -= count;
    held_.resize(back_ - held_at_ - count);
    held_.insert(0, more);
    return {};
  }

  ReadWindow window_;
  std::string text_;
  uint64_t back_ = 0;
  std::string held_;
  uint64_t held_at_ = 0;
};

}  // namespace

std::unique_ptr<LogFile> MakeJsonFile(Fd fd) {
  return std::make_unique<JsonFile>(std::move(fd));
}

}  // namespace hoy::core
