#pragma once
// A file that gets its name when it is whole, in a directory that may be a hostile container's.
//
// It has no name before (O_TMPFILE): one whose writer is killed is gone. On file systems that
// cannot do that (overlayfs before Linux 6.1) it is called ".hoy-cp-<pid>-<n>" and flocked; the
// next writer in that directory removes those whose flock is free.

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

class TempFile {
 public:
  // `directory` must outlive it.
  static Result<TempFile> Make(BorrowedFd directory);
  TempFile(TempFile&& other) noexcept;
  TempFile& operator=(TempFile&&) = delete;
  ~TempFile();

  BorrowedFd fd() const { return fd_; }
  // As one step; `replaces`: there may be one of that name. 0, or the errno.
  int Publish(const std::string& name, bool replaces);

 private:
  explicit TempFile(BorrowedFd directory) : directory_(directory) {}
  Result<bool> MakeNamed();

  BorrowedFd directory_;
  Fd fd_;
  std::string name_;  // empty: it has none
};

// Gives the file `from` in `from_directory` the further name `name`, in place of what is called so.
// `flags` as for linkat(2). 0, or the errno.
int LinkAs(BorrowedFd from_directory, const std::string& from, BorrowedFd directory,
           const std::string& name, int flags);

}  // namespace hoy::core
