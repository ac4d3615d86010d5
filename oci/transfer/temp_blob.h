#pragma once
// A blob on its way into the store: images/ingest/.tmp-<pid>-<n>, flocked, renamed to its digest
// when it is complete and verified. Those of the dead are removed by whoever imports next.

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"

namespace hoy::oci {

class TempBlob {
 public:
  static Result<TempBlob> Make(const core::Layout& layout);
  TempBlob(TempBlob&& other) noexcept;
  TempBlob& operator=(TempBlob&& other) noexcept;
  ~TempBlob();  // unlinks it unless it was published or moved away

  BorrowedFd fd() const { return fd_; }  // open for reading and writing
  const std::string& path() const { return path_; }
  // The file has another name now.
  void Release() { path_.clear(); }
  // The caller has synced it.
  Result<> Publish(const core::Layout& layout, const Digest& digest);

 private:
  TempBlob(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

}  // namespace hoy::oci
