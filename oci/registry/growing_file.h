#pragma once
// A blob that is read while it is still arriving: one thread writes the file and tells how far it
// is, others read behind it.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

class GrowingFile {
 public:
  // The writer's side. `fd` is the file, of which no byte may be read yet.
  void Open(Fd fd);
  void Grow(uint64_t available);  // bytes [0, available) can be read
  // What was there was not the blob: who has read of it fails ("restarted"), new readers start
  // over. It is then suspect, too.
  void Restart();
  void MarkSuspect();  // some of it is not from this download, and not verified yet
  // It is an earlier download's, which nobody hashes now.
  void MarkKept();
  void Finish();           // complete and verified
  void Fail(Error error);  // will never be complete; readers fail with it

  // The readers' side. `consumed`, if any, is told how far the reader has come, and may end it by
  // an error. The file must outlive its readers.
  using Consumed = std::function<Result<>(uint64_t)>;
  std::unique_ptr<ByteSource> NewReader(Consumed consumed = {});
  // Waits for Finish or Fail.
  Result<> WaitUntilDone();
  // Whether all that is read from now on is hashed by the writer before Finish. Waits until there
  // is something to read.
  bool IsHashedByWriter();
  bool suspect();  // who failed to make sense of what it read is to read again, once it is done

 private:
  class Reader;

  std::mutex mutex_;
  std::condition_variable changed_;
  Fd fd_;
  uint64_t available_ = 0;
  uint64_t generation_ = 0;
  bool suspect_ = false;
  bool kept_ = false;
  bool finished_ = false;
  std::optional<Error> error_;
};

}  // namespace hoy::oci
