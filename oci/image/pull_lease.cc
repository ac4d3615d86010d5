#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include "core/sys/files.h"
#include "oci/image/image_files.h"
#include "oci/image/image_store.h"

namespace hoy::oci {

PullLease::PullLease(std::string images, std::string path, Fd file)
    : images_(std::move(images)), path_(std::move(path)), file_(std::move(file)) {}

PullLease& PullLease::operator=(PullLease&& other) noexcept {
  if (this == &other) return *this;
  if (file_) unlink(path_.c_str());
  images_ = std::move(other.images_);
  path_ = std::move(other.path_);
  file_ = std::move(other.file_);
  blobs_ = std::move(other.blobs_);
  chain_ids_ = std::move(other.chain_ids_);
  return *this;
}

PullLease::~PullLease() {
  if (file_) unlink(path_.c_str());
}

Result<> PullLease::Protect(std::span<const Digest> blobs, std::span<const Digest> chain_ids) {
  blobs_.insert(blobs.begin(), blobs.end());
  chain_ids_.insert(chain_ids.begin(), chain_ids.end());
  std::string text;
  for (const Digest& blob : blobs_) text += "blob " + blob.hex() + "\n";
  for (const Digest& chain_id : chain_ids_) text += "layer " + chain_id.hex() + "\n";
  // Whoever reads leases holds the same lock, so the file may be rewritten in place.
  TRY(Fd lock, LockImages(images_));
  if (ftruncate(file_.get(), 0) != 0) return FailErrno("truncate", path_);
  if (lseek(file_.get(), 0, SEEK_SET) < 0) return FailErrno("seek", path_);
  return core::WriteAll(file_, text, path_);
}

Result<PullLease> ImageStore::BeginPull() const {
  static std::atomic<unsigned> counter{0};
  std::string images = layout_.Images();
  TRY(Fd lock, LockImages(images));
  while (true) {
    std::string path = fmt::format("{}/{}-{}", layout_.Leases(), getpid(), counter++);
    auto file = core::OpenAt(core::kCwd, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!file && file.error().system_errno == EEXIST) continue;  // a dead process's, same pid
    if (!file) return Fail(std::move(file).error());
    TRY(core::LockFile(*file, core::LockMode::kExclusive, path));
    return PullLease(std::move(images), std::move(path), *std::move(file));
  }
}

}  // namespace hoy::oci
