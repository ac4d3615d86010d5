#include "oci/registry/blob_fetcher.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/sys/files.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

constexpr std::chrono::milliseconds kPeerPoll{50};  // flock(2) has no wait that a cancel can end
constexpr uint64_t kWritebackStep = 8 << 20;

Error BlobError(const Descriptor& blob, std::string text, std::string hint) {
  Error error =
      MakeError(ErrorKind::kCorrupt, fmt::format("blob '{}': {}", blob.digest.ToString(), text));
  error.stage = "verify-blob";
  error.subject = blob.digest.ToString();
  error.hint = std::move(hint);
  return error;
}

Error WriteError(const std::string& path, int code) {
  Error error = SystemError("write", path, code);
  if (code == ENOSPC || code == EDQUOT) {
    error.hint = "free some space, then pull again: it goes on from here";
  }
  return error;
}

class Fetch : public BlobReceiver {
 public:
  Fetch(RegistryClient& client, const core::Layout& layout, const Descriptor& blob,
        GrowingFile& file, const FetchObserver& observer)
      : client_(client),
        blob_(blob),
        size_(static_cast<uint64_t>(blob.size)),
        final_path_(layout.Blobs() + "/" + blob.digest.hex()),
        blobs_(layout.Blobs()),
        partial_path_(layout.Ingest() + "/" + blob.digest.hex() + ".partial"),
        file_(file),
        observer_(observer) {}

  Result<> Run() {
    TRY(bool complete, UseComplete());
    if (complete) return {};
    TRY(complete, LockPartial());
    if (complete) return {};
    TRY(HashPrefix());
    Result<> fetched = FetchFromAnywhere();
    if (!fetched) {
      bool useless = done_ == 0 || fetched.error().stage == "verify-blob" || NeedsMoreThanIsLeft();
      if (useless) ::unlink(partial_path_.c_str());
      return fetched;
    }
    return PutInPlace();
  }

 private:
  // What cannot be gone on with is given back: others need the room to go on at all.
  bool NeedsMoreThanIsLeft() const {
    struct statvfs status{};
    if (::fstatvfs(partial_.get(), &status) != 0) return false;
    return size_ - done_ > status.f_bavail * status.f_frsize;
  }

  void Tell(FetchPhase phase, uint64_t done, std::string note = {}) {
    if (observer_) observer_({.phase = phase, .done = done, .note = std::move(note)});
  }

  // The blob is there already.
  Result<bool> UseComplete() {
    auto opened = core::OpenAt(core::kCwd, final_path_, O_RDONLY);
    if (!opened && opened.error().system_errno == ENOENT) return false;
    TRY(Fd fd, std::move(opened));
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) return FailErrno("stat", final_path_);
    if (static_cast<uint64_t>(info.st_size) != size_) {  // damaged: replaced by the rename
      return false;
    }
    file_.Restart();
    file_.MarkKept();
    file_.Open(std::move(fd));
    file_.Grow(size_);
    Tell(FetchPhase::kSyncing, size_);
    return true;
  }

  // Owns the partial file, or true: another process has completed the blob meanwhile.
  Result<bool> LockPartial() {
    while (true) {
      TRY(client_.cancel().Check());
      TRY_CONTEXT_SET(partial_, core::OpenAt(core::kCwd, partial_path_, O_RDWR | O_CREAT, 0600),
                      "keep what is downloaded");
      TRY(bool locked, core::TryLockFile(partial_, core::LockMode::kExclusive));
      struct stat ours{};
      if (::fstat(partial_.get(), &ours) != 0) return FailErrno("stat", partial_path_);
      if (!locked) {
        Tell(FetchPhase::kWaiting, std::min<uint64_t>(ours.st_size, size_));
        TRY(client_.cancel().Wait(kPeerPoll));
        continue;
      }
      // The name may have gone, or lead to a newer file, between open and flock.
      struct stat named{};
      bool same = ::stat(partial_path_.c_str(), &named) == 0 && named.st_ino == ours.st_ino &&
                  named.st_dev == ours.st_dev;
      if (same) break;
      TRY(bool complete, UseComplete());
      if (complete) return true;
    }
    TRY(bool complete, UseComplete());
    if (complete) {
      ::unlink(partial_path_.c_str());
      return true;
    }
    Fd reader(::fcntl(partial_.get(), F_DUPFD_CLOEXEC, 0));
    if (!reader) return FailErrno("dup", partial_path_);
    file_.Open(std::move(reader));
    return false;
  }

  // Hashes what an earlier process left; readers may follow at once.
  Result<> HashPrefix() {
    struct stat info{};
    if (::fstat(partial_.get(), &info) != 0) return FailErrno("stat", partial_path_);
    if (static_cast<uint64_t>(info.st_size) > size_) {
      return StartOver();
    }
    if (info.st_size > 0) file_.MarkSuspect();
    std::vector<std::byte> buffer(std::min<uint64_t>(info.st_size, 1 << 20));
    while (done_ < static_cast<uint64_t>(info.st_size)) {
      TRY(client_.cancel().Check());
      ssize_t count =
          ::pread(partial_.get(), buffer.data(), buffer.size(), static_cast<off_t>(done_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailErrno("read", partial_path_);
      if (count == 0) break;
      hash_.Update(std::span(buffer).first(static_cast<size_t>(count)));
      done_ += static_cast<uint64_t>(count);
      file_.Grow(done_);
      Tell(FetchPhase::kResuming, done_);
    }
    return {};
  }

  Result<> StartOver() {
    if (::ftruncate(partial_.get(), 0) != 0) return FailErrno("truncate", partial_path_);
    hash_ = Sha256();
    done_ = 0;
    written_back_ = 0;
    file_.Restart();
    return {};
  }

  // What has arrived stays when one place fails and the next one goes on. If the whole then is not
  // the blob, what came from elsewhere may be to blame: once more, all from one place.
  Result<> FetchFromAnywhere() {
    for (RegistryClient* from = &client_;; from = from->fallback()) {
      bool mixed = done_ > 0;
      Result<> fetched = FetchRest(*from);
      if (IsWrong(fetched) && mixed) {
        TRY(StartOver());
        fetched = FetchRest(*from);
      }
      RegistryClient* next = from->fallback();
      if (fetched || next == nullptr || !MayBeElsewhere(fetched.error())) return fetched;
      if (IsWrong(fetched)) TRY(StartOver());
      Tell(FetchPhase::kRetrying, done_,
           fmt::format("{}; going on with '{}'", fetched.error().message, next->Name()));
    }
  }

  static bool IsWrong(const Result<>& fetched) {
    return !fetched && fetched.error().stage == "verify-blob";
  }
  static bool MayBeElsewhere(const Error& error) {
    return error.kind == ErrorKind::kNetwork || error.kind == ErrorKind::kTimeout ||
           error.kind == ErrorKind::kUnauthorized || error.stage == "not-found" ||
           error.stage == "verify-blob";
  }

  Result<> FetchRest(RegistryClient& from) {
    auto observer = [this](const Error& error, std::chrono::milliseconds wait) {
      Tell(FetchPhase::kRetrying, done_,
           fmt::format("{}; next try in {:.1f} s", error.message,
                       static_cast<double>(wait.count()) / 1000));
    };
    TRY(WithRetries(from.retry(), from.cancel(), observer, [&](Attempt& attempt) -> Result<> {
      uint64_t before = done_;
      if (done_ == size_) return {};
      Result<> got = from.GetBlob(blob_.digest, done_, *this, attempt);
      attempt.progressed = done_ > before;
      if (!got && got.error().stage == "range") {
        return Fail(BlobError(blob_,
                              fmt::format("the registry has only {} of {} bytes", done_, size_),
                              "the image is damaged in the registry"));
      }
      if (!got || done_ == size_) return got;
      Error error =
          MakeError(ErrorKind::kNetwork, fmt::format("blob '{}' ended after {} of {} bytes",
                                                     blob_.digest.ToString(), done_, size_));
      error.stage = "transfer";
      error.hint = "try again: what has arrived is kept";
      return Fail(std::move(error));
    }));
    Digest got = hash_.Finish();
    if (got != blob_.digest) {
      return Fail(BlobError(blob_, fmt::format("what arrived has the digest {}", got.ToString()),
                            "the registry or a proxy before it damages data"));
    }
    return {};
  }

  // BlobReceiver
  Result<> Begin(uint64_t offset, std::optional<uint64_t> end) override {
    // A server without ranges starts at 0: what is there already is skipped, not written again, so
    // that readers behind us are not disturbed. The digest decides whether it was right.
    skip_ = done_ - offset;
    if (end && *end > size_) return Fail(TooLong(*end));
    return {};
  }

  Result<> Data(std::span<const std::byte> bytes) override {
    if (skip_ > 0) {
      size_t skipped = std::min<uint64_t>(skip_, bytes.size());
      skip_ -= skipped;
      bytes = bytes.subspan(skipped);
    }
    if (bytes.empty()) return {};
    if (done_ + bytes.size() > size_) return Fail(TooLong(done_ + bytes.size()));
    uint64_t at = done_;
    auto rest = bytes;
    while (!rest.empty()) {
      ssize_t count = ::pwrite(partial_.get(), rest.data(), rest.size(), static_cast<off_t>(at));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Fail(WriteError(partial_path_, errno));
      rest = rest.subspan(static_cast<size_t>(count));
      at += static_cast<uint64_t>(count);
    }
    file_.Grow(at);  // before hashing: the unpacker can start on it meanwhile
    hash_.Update(bytes);
    done_ = at;
    // Starts the disk early, so that the sync at the end finds little left to do.
    if (done_ - written_back_ >= kWritebackStep) {
      ::sync_file_range(partial_.get(), static_cast<off_t>(written_back_),
                        static_cast<off_t>(done_ - written_back_), SYNC_FILE_RANGE_WRITE);
      written_back_ = done_;
    }
    Tell(FetchPhase::kDownloading, done_);
    return {};
  }

  Error TooLong(uint64_t length) const {
    return BlobError(
        blob_,
        fmt::format("the registry sends {} bytes or more, the manifest promises {}", length, size_),
        "the image is damaged or tampered with");
  }

  Result<> PutInPlace() {
    Tell(FetchPhase::kSyncing, done_);
    if (::fdatasync(partial_.get()) != 0) return Fail(WriteError(partial_path_, errno));
    if (::rename(partial_path_.c_str(), final_path_.c_str()) != 0) {
      return FailErrno("rename", partial_path_);
    }
    return core::SyncDirectory(blobs_);
  }

  RegistryClient& client_;
  const Descriptor& blob_;
  const uint64_t size_;
  const std::string final_path_;
  const std::string blobs_;
  const std::string partial_path_;
  GrowingFile& file_;
  const FetchObserver& observer_;
  Fd partial_;  // flocked
  Sha256 hash_;
  uint64_t done_ = 0;  // bytes in the partial file, all hashed
  uint64_t skip_ = 0;  // bytes of the answer that are there already
  uint64_t written_back_ = 0;
};

}  // namespace

Result<> FetchBlob(RegistryClient& client, const core::Layout& layout, const Descriptor& blob,
                   GrowingFile& file, const FetchObserver& observer) {
  Fetch fetch(client, layout, blob, file, observer);
  Result<> fetched = fetch.Run();
  if (fetched) {
    file.Finish();
  } else {
    file.Fail(fetched.error());
  }
  return fetched;
}

}  // namespace hoy::oci
