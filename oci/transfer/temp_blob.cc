#include "oci/transfer/temp_blob.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "core/sys/files.h"

namespace hoy::oci {

Result<TempBlob> TempBlob::Make(const core::Layout& layout) {
  static std::atomic<unsigned> counter{0};
  while (true) {
    std::string path = fmt::format("{}/.tmp-{}-b{}", layout.Ingest(), getpid(), counter++);
    auto fd = core::OpenAt(core::kCwd, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!fd && fd.error().system_errno == EEXIST) continue;  // a dead process's, same pid
    if (!fd) return Fail(std::move(fd).error());
    struct stat status{};
    // Someone who cleans up may have taken it for a dead one before it was locked.
    if (core::TryLockFile(*fd, core::LockMode::kExclusive).value_or(false) &&
        fstat(fd->get(), &status) == 0 && status.st_nlink == 1) {
      return TempBlob(*std::move(fd), std::move(path));
    }
  }
}

TempBlob::TempBlob(TempBlob&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

TempBlob& TempBlob::operator=(TempBlob&& other) noexcept {
  if (this == &other) return *this;
  if (!path_.empty()) unlink(path_.c_str());
  fd_ = std::move(other.fd_);
  path_ = std::exchange(other.path_, {});
  return *this;
}

TempBlob::~TempBlob() {
  if (!path_.empty()) unlink(path_.c_str());
}

Result<> TempBlob::Publish(const core::Layout& layout, const Digest& digest) {
  std::string path = layout.Blobs() + "/" + digest.hex();
  if (rename(path_.c_str(), path.c_str()) != 0) return FailErrno("rename", path);
  Release();
  return {};
}

}  // namespace hoy::oci
