#pragma once
// The process of an s3fs(1), which nobody ends by mistake and nobody forgets: as long as it has not
// been released, it ends with this process, however that ends. Its mount is in a mount namespace
// that it keeps alive itself, so that it would go on for ever.
//
// A guard between the two sees to that. It ends when s3fs has ended; and ends it when we are gone,
// or are to cancel: we may be asking that very mount then.

#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/sys/process.h"
#include "oci/registry/cancel.h"

namespace hoy::cli {

// The program and what it is started with.
struct Invocation {
  std::string path;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

class S3fsProcess {
 public:
  // It hears no keyboard, holds nothing of ours, and dies without a core, for the keys are in its
  // environment. What it says is in `log`.
  static Result<S3fsProcess> Spawn(Invocation invocation, BorrowedFd log,
                                   const oci::CancelToken& cancel);
  S3fsProcess(S3fsProcess&&) = default;
  ~S3fsProcess();  // waits for its end

  // Readable when it has ended.
  BorrowedFd end() const { return guard_.pidfd(); }
  // From here on it goes on without us.
  Result<> Release();

 private:
  S3fsProcess(core::ChildProcess guard, Fd hold)
      : guard_(std::move(guard)), hold_(std::move(hold)) {}

  core::ChildProcess guard_;
  Fd hold_;  // a pipe to the guard: a byte releases s3fs, the end-of-file ends it
};

}  // namespace hoy::cli
