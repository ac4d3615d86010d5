#pragma once
// What an archive verb writes to: stdout, or a file that appears whole, when all went well.

#include <string>

#include "cli/ui/context.h"
#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::cli {

// "/dev/stdout" and whatever else leads to what stdout is: nothing else is to be printed there.
bool IsStdout(const std::string& path);

class OutputFile {
 public:
  // `path` empty: stdout, which must not be a terminal (kInvalidArgument). An existing file is
  // replaced at the end, where a symlink leads to; a FIFO or a device is written to as it is.
  static Result<OutputFile> Open(Context& context, const std::string& path);
  OutputFile(OutputFile&& other) noexcept = default;
  ~OutputFile();

  BorrowedFd fd() const { return fd_; }
  const std::string& subject() const { return subject_; }
  Result<> Commit();

 private:
  OutputFile() = default;

  Fd fd_;
  std::string subject_;
  std::string path_;  // to be replaced; empty: written in place
  std::string temp_;  // what is to be renamed; empty: the file has no name yet
};

}  // namespace hoy::cli
