#pragma once
// What one container has written and goes on to write, for `hoy logs`.

#include <cstdint>
#include <optional>
#include <string>

#include "cli/ops/journal_log.h"
#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/lifecycle.h"
#include "core/log/log_reader.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::cli {

struct LogSelection {
  std::optional<uint64_t> tail;  // lines; nullopt: all
  core::Timestamp since = 0;
  core::Timestamp until = 0;  // 0: no end
  bool follow = false;
};

// kUnsupported: the container's log driver keeps nothing that can be read.
Result<> CheckLogIsKept(const core::ContainerRecord& record);

// Goes through the log once, and may then be followed:
//
//   Look       is the container there, may it write more?      (in this order: what was written
//   Next ...   until there is nothing more for now              before an end was seen is read
//   over()     then it may be left, or waited for                after it)
class LogSource {
 public:
  static Result<LogSource> Open(const core::Layout& layout, const std::string& id,
                                const LogSelection& selection);

  const std::string& id() const { return id_; }
  const core::LogConfig& config() const { return config_; }

  // Asks the kernel, mends what a dead monitor left, and opens the log when there is one now.
  Result<> Look();

  // The next piece; nullopt: none for now.
  Result<std::optional<core::LogFrame>> Next();

  // As of the last Look: nothing more will be written. A container that has never run may, and one
  // that `hoy restart` is about to start again.
  bool over() const { return over_; }

  // Ready when it is time to look again: the monitor has ended. Invalid: only the directory tells.
  BorrowedFd change() const { return change_ ? BorrowedFd(*change_) : BorrowedFd(-1); }
  // Ready when there is more. Invalid: only the directory tells.
  BorrowedFd input() const { return journal_ ? journal_->fd() : BorrowedFd(-1); }
  // It ought to have a monitor and has none: look again at once.
  bool unsettled() const { return unsettled_; }

  // Whether files of the log were gone before we came to them, since the last call.
  bool TakeGap() { return reader_ && reader_->TakeGap(); }
  // Bytes that are missing and that nothing in the log has told of.
  uint64_t LostUntold() const;

 private:
  LogSource(const core::Layout& layout, std::string id, const LogSelection& selection)
      : layout_(&layout), id_(std::move(id)), selection_(selection) {}
  Result<> OpenLog();
  Result<bool> IsOverForGood() const;

  const core::Layout* layout_;
  std::string id_;
  LogSelection selection_;
  core::LogConfig config_;
  std::optional<core::LogReader> reader_;
  std::optional<JournalLog> journal_;  // instead
  std::optional<uint64_t> end_;  // without `follow`: a container may write faster than we read
  std::optional<Fd> change_;
  std::optional<core::ExitRecord> exit_;
  bool over_ = false;
  bool unsettled_ = false;
};

}  // namespace hoy::cli
