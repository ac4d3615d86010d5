#include "oci/registry/blob_upload.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace hoy::oci {
namespace {

// A part of a file, as the body of a request.
class FilePart final : public BodySource {
 public:
  FilePart(BorrowedFd file, uint64_t start, uint64_t size,
           const std::function<void(const UploadProgress&)>& observer)
      : file_(file), start_(start), size_(size), observer_(observer) {}

  uint64_t size() const override { return size_; }
  Result<> Seek(uint64_t offset) override {
    at_ = offset;
    return {};
  }
  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), size_ - at_));
    while (true) {
      ssize_t count = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(start_ + at_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailErrno("read", "the blob to push");
      if (count == 0 && wanted > 0) {
        return Fail(ErrorKind::kCorrupt, "the blob on this machine is shorter than it was");
      }
      at_ += static_cast<uint64_t>(count);
      observer_({.done = start_ + at_, .note = {}});
      return static_cast<size_t>(count);
    }
  }

 private:
  BorrowedFd file_;
  const uint64_t start_;
  const uint64_t size_;
  const std::function<void(const UploadProgress&)>& observer_;
  uint64_t at_ = 0;
};

class Upload {
 public:
  Upload(RegistryClient& client, const BlobToUpload& blob, const UploadOptions& options,
         const std::function<void(const UploadProgress&)>& observer)
      : client_(client),
        blob_(blob),
        options_(options),
        observer_(observer),
        mount_from_(blob.mount_from) {}

  Result<UploadEnd> Run() {
    auto waiting = [this](const Error& error, std::chrono::milliseconds wait) {
      observer_({.done = session_.offset,
                 .note = fmt::format("{}; next try in {:.1f} s", error.message,
                                     static_cast<double>(wait.count()) / 1000)});
    };
    return WithRetries(client_.retry(), client_.cancel(), waiting,
                       [&](Attempt& attempt) { return Try(attempt); });
  }

 private:
  Result<UploadEnd> Try(Attempt& attempt) {
    uint64_t before = session_.offset;
    TRY(Open(attempt));
    if (session_.mounted) return UploadEnd::kMounted;
    if (!file_) {
      TRY(file_, blob_.open());
    }
    if (blob_.size <= options_.single_bytes) {
      FilePart whole(file_, 0, blob_.size, observer_);
      UploadSession session = std::exchange(session_, {});  // a broken one is not gone on with
      TRY(client_.PutUpload(session, blob_.digest, whole, attempt));
      return UploadEnd::kSent;
    }
    attempt.progressed = session_.offset > before;
    while (session_.offset < blob_.size) {
      uint64_t size = blob_.size - session_.offset;
      if (options_.chunk_bytes > 0) size = std::min(size, options_.chunk_bytes);
      FilePart part(file_, session_.offset, size, observer_);
      uint64_t start = session_.offset;
      TRY(client_.PatchUpload(session_, part, attempt));
      if (session_.offset <= start || session_.offset > start + size) {
        return Fail(MakeError(ErrorKind::kNetwork,
                              fmt::format("blob '{}': the registry took {} bytes and says {}",
                                          blob_.digest.ToString(), size, session_.offset)));
      }
      attempt.progressed = true;
    }
    TRY(client_.FinishUpload(session_, blob_.digest, attempt));
    return UploadEnd::kSent;
  }

  // A session to send to: the one that broke, when the registry still knows it, or a new one.
  Result<> Open(Attempt& attempt) {
    if (!session_.url.empty()) {
      auto asked = client_.AskUpload(session_, attempt);
      if (asked && session_.offset <= blob_.size) return {};
      if (!asked && IsTransient(asked.error())) return asked;
      session_ = {};
    }
    auto begun = client_.BeginUpload(blob_.digest, mount_from_, attempt);
    if (!begun && !mount_from_.empty() && !IsTransient(begun.error())) {
      // Not allowed to read there, or no such repository any more: send it, then.
      mount_from_.clear();
      begun = client_.BeginUpload(blob_.digest, "", attempt);
    }
    TRY(session_, std::move(begun));
    mount_from_.clear();
    return {};
  }

  RegistryClient& client_;
  const BlobToUpload& blob_;
  const UploadOptions& options_;
  const std::function<void(const UploadProgress&)>& observer_;
  std::string mount_from_;
  UploadSession session_;
  Fd file_;
};

}  // namespace

Result<UploadEnd> UploadBlob(RegistryClient& client, const BlobToUpload& blob,
                             const UploadOptions& options,
                             const std::function<void(const UploadProgress&)>& observer) {
  return Upload(client, blob, options, observer).Run();
}

}  // namespace hoy::oci
