#pragma once
// The files of a log that is rotated:
//
//   <log>           is written
//   <log>.<N>       was before; numbers grow, and no file is ever renamed again
//   <log>.<N>.gz    the same, compressed; while <log>.<N> is there, too, that one counts
//
// Rotation is: rename(<log>, <log>.<N>), N one more than the greatest; make <log>; unlink what is
// too many. So each step leaves a legal state, and a reader knows the one order of all that is
// there. Of a log of a single file (max-file 1) an empty <log>.<N> stays: numbers only grow.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

struct OpenedFile {
  Fd fd;
  uint64_t number = 0;
  bool complete = false;  // it is not written any more
  bool packed = false;
};

class RotatedFiles {
 public:
  explicit RotatedFiles(std::string path);

  const std::string& path() const { return path_; }
  std::string Path(uint64_t number) const { return path_ + "." + std::to_string(number); }

  // Ascending, each once.
  Result<std::vector<uint64_t>> Numbers() const;

  // The one that is written. kNotFound: there is none (yet, or just now).
  Result<OpenedFile> OpenCurrent() const;

  // The first after `number`, rotated or not; nullopt: not there yet.
  Result<std::optional<OpenedFile>> OpenAfter(uint64_t number) const;

  // The last before `number`.
  Result<std::optional<OpenedFile>> OpenBefore(uint64_t number) const;

  // Unlinks all but the last `keep` rotated ones.
  Result<> Prune(size_t keep) const;

 private:
  Result<std::optional<OpenedFile>> OpenRotated(uint64_t number) const;  // nullopt: it is gone

  std::string path_;
  std::string directory_;
  std::string prefix_;  // of the names of rotated files
};

}  // namespace hoy::core
