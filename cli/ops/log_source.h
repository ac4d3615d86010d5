#pragma once
// What one container has written and goes on to write, for `hoy logs`.

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/lifecycle.h"
#include "core/log/log_reader.h"
#include "core/state/layout.h"

namespace hoy::cli {

struct LogSelection {
  std::optional<uint64_t> tail;  // lines; nullopt: all
  core::Timestamp since = 0;
  core::Timestamp until = 0;  // 0: no end
};

// Goes through the log once, and may then be followed:
//
//   Look       is the container there, may it write more?      (in this order: what was written
//   Next ...   until there is nothing more for now              before an end was seen is read
//   over()     then it may be left, or waited for                after it)
class LogSource {
 public:
  LogSource(const core::Layout& layout, std::string id, const LogSelection& selection)
      : layout_(&layout), id_(std::move(id)), selection_(selection) {}

  const std::string& id() const { return id_; }

  // Asks the kernel, mends what a dead monitor left, and opens the log when there is one now.
  Result<> Look();

  // The next piece; nullopt: none for now.
  Result<std::optional<core::LogFrame>> Next();

  // As of the last Look: nothing more will be written. A container that has never run may.
  bool over() const { return over_; }

  // Ready when it is time to look again: the monitor has ended. Invalid: only the directory tells.
  BorrowedFd change() const { return change_ ? BorrowedFd(*change_) : BorrowedFd(-1); }
  // It ought to have a monitor and has none: look again at once.
  bool unsettled() const { return unsettled_; }

 private:
  Result<> OpenLog();
  Result<bool> IsOverForGood() const;

  const core::Layout* layout_;
  std::string id_;
  LogSelection selection_;
  std::optional<core::LogReader> reader_;
  std::optional<Fd> change_;
  bool over_ = false;
  bool unsettled_ = false;
};

}  // namespace hoy::cli
