#pragma once
// What a container has written to the journal (--log-driver journald), read with journalctl(1),
// which is not needed for anything else.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/log/log_file.h"
#include "core/sys/process.h"

namespace hoy::cli {

// One entry of the journal's export format (https://systemd.io/JOURNAL_EXPORT_FORMATS) as a line of
// output, or a part of one.
struct JournalEntry {
  core::LogStream stream = core::LogStream::kStdout;
  core::Timestamp time = 0;
  std::string text;  // with its newline, unless the line goes on
  std::string cursor;
};

// Takes the first entry from the front of `bytes`; nullopt: it is not whole yet.
std::optional<JournalEntry> TakeJournalEntry(std::string* bytes);

struct JournalQuery {
  std::string id;
  std::optional<uint64_t> tail;  // entries; nullopt: all
  core::Timestamp since = 0;     // older ones may come, too
  bool follow = false;
};

// Goes through what is there, then, when it follows, through what comes, until it is told that this
// is all:
//
//   the past --> what comes --> (Finish) what had not come yet
class JournalLog {
 public:
  // All that was sent before is found. kUnsupported: there is no journalctl.
  static Result<JournalLog> Open(const JournalQuery& query);

  // nullopt: none for now; all, when it does not follow any more. The payload is valid until the
  // next call.
  Result<std::optional<core::LogFrame>> Next();

  // Ready when Next has something. Invalid when it does not follow.
  BorrowedFd fd() const { return phase_ == Phase::kFollows ? BorrowedFd(pipe_) : BorrowedFd(-1); }

  // Nothing is sent any more; what was is found.
  Result<> Finish();

 private:
  enum class Phase {
    kPast,
    kFollows,
    kEnding,  // the rest of what the journalctl that followed has said
    kLast,    // is followed by nothing
  };
  explicit JournalLog(JournalQuery query) : query_(std::move(query)) {}
  Result<> Ask(std::vector<std::string> arguments);
  Result<> AskForRest(std::vector<std::string> arguments);
  Result<> Follow();
  Result<bool> EndPhase();  // false: that was the last

  JournalQuery query_;
  Phase phase_ = Phase::kPast;
  core::ChildProcess child_;
  Fd pipe_;
  std::string bytes_;
  JournalEntry entry_;
  std::string cursor_;  // of the last one
  core::Timestamp opened_ = core::Now();
  bool only_new_ = false;  // since then
};

}  // namespace hoy::cli
