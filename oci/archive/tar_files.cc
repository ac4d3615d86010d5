// A tar as a set of files: file_set.h.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <mutex>

#include "core/sys/files.h"
#include "oci/archive/file_range.h"
#include "oci/archive/file_set.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/decompress.h"
#include "oci/layer/entry_path.h"
#include "oci/layer/tar_header.h"
#include "oci/layer/tar_pax.h"
#include "oci/transfer/stoppable_source.h"
#include "oci/transfer/temp_blob.h"

namespace hoy::oci {
namespace {

constexpr int64_t kBlock = kTarBlock;
constexpr int64_t kMaxHeaderBody = 1 << 20;
constexpr size_t kMaxNameBytes = 32 << 20;  // of all names together
constexpr int kMaxLinks = 16;

std::unexpected<Error> EndsEarly() {
  return Fail(MakeError(ErrorKind::kCorrupt, "the archive ends early")
                  .WithHint("it was cut short when it was written or copied"));
}

int64_t Padded(int64_t size) {
  return (size + kBlock - 1) / kBlock * kBlock;
}

// A spooled file, which several blobs may read, and one may move away.
struct SpooledFile {
  explicit SpooledFile(TempBlob file) : blob(std::move(file)) {}
  std::mutex mutex;
  TempBlob blob;
};

struct Member {
  std::shared_ptr<Fd> file;  // the archive, or what the small ones were spooled to
  int64_t offset = 0;
  int64_t size = 0;
  std::shared_ptr<SpooledFile> spooled;  // or in a file of its own
  std::string link;                      // or the member that is meant
};

class SpooledBlob final : public FileRange {
 public:
  SpooledBlob(std::shared_ptr<Fd> file, int64_t size, std::string subject,
              std::shared_ptr<SpooledFile> spooled)
      : FileRange(std::move(file), 0, size, std::move(subject)), spooled_(std::move(spooled)) {}

  Result<bool> MoveTo(const std::string& path) override {
    std::lock_guard lock(spooled_->mutex);
    if (spooled_->blob.path().empty()) return false;
    if (rename(spooled_->blob.path().c_str(), path.c_str()) != 0) return FailErrno("rename", path);
    spooled_->blob.Release();
    return true;
  }

 private:
  std::shared_ptr<SpooledFile> spooled_;
};

// Where the archive's bytes come from, in order.
class Input {
 public:
  virtual ~Input() = default;
  // Fills the buffer, or as much as there is.
  virtual Result<size_t> Read(std::span<std::byte> buffer) = 0;
  virtual Result<> Skip(int64_t bytes) = 0;
  // Takes the next `size` bytes as a member.
  virtual Result<Member> Keep(int64_t size) = 0;
};

class SeekableInput final : public Input {
 public:
  SeekableInput(std::shared_ptr<Fd> file, int64_t position, int64_t end, std::string subject)
      : file_(std::move(file)), position_(position), end_(end), subject_(std::move(subject)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t filled = 0;
    while (filled < buffer.size()) {
      ssize_t count =
          pread(file_->get(), buffer.data() + filled, buffer.size() - filled, position_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailErrno("read", subject_);
      if (count == 0) break;
      filled += static_cast<size_t>(count);
      position_ += count;
    }
    return filled;
  }
  Result<> Skip(int64_t bytes) override {
    if (bytes > end_ - position_) return EndsEarly();
    position_ += bytes;
    return {};
  }
  Result<Member> Keep(int64_t size) override {
    Member member{.file = file_, .offset = position_, .size = size};
    TRY(Skip(size));
    return member;
  }

 private:
  std::shared_ptr<Fd> file_;
  int64_t position_;
  int64_t end_;
  std::string subject_;
};

class StreamInput final : public Input {
 public:
  StreamInput(const core::Layout& layout, ByteSource& source) : layout_(layout), source_(source) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t filled = 0;
    while (filled < buffer.size()) {
      TRY(size_t count, source_.Read(buffer.subspan(filled)));
      if (count == 0) break;
      filled += count;
    }
    return filled;
  }
  Result<> Skip(int64_t bytes) override { return Take(bytes, -1); }
  Result<Member> Keep(int64_t size) override {
    if (size < kLargeBytes) return KeepSmall(size);
    TRY(TempBlob blob, TempBlob::Make(layout_));
    TRY(Take(size, blob.fd().get()));
    Member member{.size = size};
    member.spooled = std::make_shared<SpooledFile>(std::move(blob));
    return member;
  }

 private:
  // A file of its own is a descriptor each, which are few: the small ones share one file without a
  // name.
  static constexpr int64_t kLargeBytes = 1 << 20;

  Result<Member> KeepSmall(int64_t size) {
    if (small_ == nullptr) {
      TRY(TempBlob blob, TempBlob::Make(layout_));
      small_ = std::make_shared<Fd>(fcntl(blob.fd().get(), F_DUPFD_CLOEXEC, 0));
      if (!*small_) return FailErrno("open", blob.path());
    }
    TRY(Take(size, small_->get()));
    Member member{.file = small_, .offset = small_bytes_, .size = size};
    small_bytes_ += size;
    return member;
  }

  Result<> Take(int64_t bytes, int file) {
    while (bytes > 0) {
      auto part = std::span(buffer_).first(std::min<size_t>(buffer_.size(), bytes));
      TRY(size_t count, source_.Read(part));
      if (count == 0) return EndsEarly();
      if (file >= 0) TRY(core::WriteAll(file, AsText(part.first(count)), layout_.Ingest()));
      bytes -= static_cast<int64_t>(count);
    }
    return {};
  }

  const core::Layout& layout_;
  ByteSource& source_;
  std::shared_ptr<Fd> small_;
  int64_t small_bytes_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(1 << 20);
};

class TarFiles final : public FileSet {
 public:
  bool in_tar() const override { return true; }

  std::optional<int64_t> SizeOf(const std::string& name) override {
    const Member* member = Find(name);
    return member == nullptr ? std::nullopt : std::optional(member->size);
  }

  std::string FileOf(const std::string& name) override {
    auto found = FindFile(name);
    return found == members_.end() ? name : found->first;
  }

  Result<std::unique_ptr<SourceBlob>> Open(const std::string& name) override {
    const Member* member = Find(name);
    if (member == nullptr) {
      return Fail(ErrorKind::kNotFound, "'{}' is missing", Printable(name));
    }
    if (member->spooled == nullptr) {
      return std::make_unique<FileRange>(member->file, member->offset, member->size,
                                         Printable(name));
    }
    std::lock_guard lock(member->spooled->mutex);
    Fd file(fcntl(member->spooled->blob.fd().get(), F_DUPFD_CLOEXEC, 0));
    if (!file) return FailErrno("open", Printable(name));
    return std::make_unique<SpooledBlob>(std::make_shared<Fd>(std::move(file)), member->size,
                                         Printable(name), member->spooled);
  }

  Result<> Load(Input& input) {
    std::string path;
    std::string link;
    int64_t pax_size = -1;  // of the next entry; -1: its header tells
    while (true) {
      TarHeader header;
      TRY(size_t got, input.Read(std::as_writable_bytes(std::span(header.block()))));
      if (got == 0 || (got == kTarBlock && header.IsZero())) {
        if (members_.empty()) return Fail(ErrorKind::kCorrupt, "it is empty");
        // Behind the end of the archive may be anything; whoever writes into a pipe wants it read.
        return {};
      }
      if (got < kTarBlock) return EndsEarly();
      TRY(header.CheckChecksum());
      TRY(int64_t own_size, header.Size());
      if (own_size < 0) return Fail(ErrorKind::kCorrupt, "tar: a size is negative");
      char type = header.type();
      if (type == 'x' || type == 'X' || type == 'L' || type == 'K') {
        TRY(std::string body, ReadBody(input, own_size));
        if (type == 'L') path = body.c_str();
        if (type == 'K') link = body.c_str();
        if (type == 'L' || type == 'K') continue;
        PaxRecords pax;
        TRY(ParsePaxRecords(body, pax));
        if (pax.has_sparse_map || pax.sparse_map_in_data) return Sparse();
        path = pax.path.value_or(path);
        link = pax.link_path.value_or(link);
        pax_size = pax.size.value_or(pax_size);
        continue;
      }
      if (type == 'S') return Sparse();
      std::string name = path.empty() ? header.Name() : std::move(path);
      std::string target = link.empty() ? header.LinkName() : std::move(link);
      TRY(Add(input, type, name, target, pax_size < 0 ? own_size : pax_size));
      path.clear();
      link.clear();
      pax_size = -1;
    }
  }

 private:
  static std::unexpected<Error> Sparse() {
    return Fail(MakeError(ErrorKind::kUnsupported, "the archive has sparse files")
                    .WithHint("write it again without tar's --sparse"));
  }

  static Result<std::string> ReadBody(Input& input, int64_t size) {
    if (size > kMaxHeaderBody) {
      return Fail(ErrorKind::kCorrupt, "tar: a header of {} bytes is too large", size);
    }
    std::string body(static_cast<size_t>(size), '\0');
    TRY(size_t got, input.Read(std::as_writable_bytes(std::span(body))));
    if (got < body.size()) return EndsEarly();
    TRY(input.Skip(Padded(size) - size));
    return body;
  }

  static Result<std::string> Normalize(std::string_view name) {
    TRY_CONTEXT_SET(auto parts, SplitEntryPath(name), "the archive's '{}'", Printable(name));
    return JoinPath(parts);
  }

  Result<> Add(Input& input, char type, std::string_view raw_name, std::string_view target,
               int64_t size) {
    TRY(std::string name, Normalize(raw_name));
    if (size < 0 || size > std::numeric_limits<int64_t>::max() - kBlock) {
      return Fail(ErrorKind::kCorrupt, "tar: a size of {} is out of range", size);
    }
    bool is_file = type == '0' || type == '\0' || type == '7';
    if (is_file && !raw_name.ends_with('/') && !name.empty()) {
      TRY(Member member, input.Keep(size));
      TRY(input.Skip(Padded(size) - size));
      return Remember(std::move(name), std::move(member));
    }
    bool header_only = type >= '1' && type <= '6';
    if (!header_only) TRY(input.Skip(Padded(size)));
    if (type != '1' && type != '2') return {};
    // A symlink counts from its own directory, a hard link from the root.
    std::string from;
    if (type == '2' && !target.starts_with('/')) {
      size_t slash = name.rfind('/');
      if (slash != std::string::npos) from = name.substr(0, slash + 1);
    }
    TRY(std::string meant, Normalize(from + std::string(target)));
    return Remember(std::move(name), Member{.link = std::move(meant)});
  }

  Result<> Remember(std::string name, Member member) {
    name_bytes_ += name.size() + member.link.size();
    if (members_.size() == kMaxArchiveFiles || name_bytes_ > kMaxNameBytes) {
      return Fail(ErrorKind::kCorrupt, "the archive has more than {} files", kMaxArchiveFiles);
    }
    // Readers differ in which of two they take: what says what the rest means must be there once.
    bool is_document = name.find('/') == std::string::npos;
    auto [at, added] = members_.try_emplace(std::move(name));
    if (!added && is_document) {
      return Fail(ErrorKind::kCorrupt, "the archive has two files named '{}'",
                  Printable(at->first));
    }
    at->second = std::move(member);
    return {};
  }

  using Members = std::map<std::string, Member, std::less<>>;

  Members::const_iterator FindFile(std::string_view name) const {
    auto key = Normalize(name);
    for (int links = 0; key && links < kMaxLinks; ++links) {
      auto found = members_.find(*key);
      if (found == members_.end() || found->second.link.empty()) return found;
      *key = found->second.link;
    }
    return members_.end();
  }

  const Member* Find(std::string_view name) const {
    auto found = FindFile(name);
    return found == members_.end() ? nullptr : &found->second;
  }

  Members members_;
  size_t name_bytes_ = 0;
};

// The offset when `file` can be read in place: seekable, and not compressed.
Result<std::optional<int64_t>> PlaceOf(BorrowedFd file, const std::string& subject) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return FailErrno("stat", subject);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  off_t position = lseek(file.get(), 0, SEEK_CUR);
  if (position < 0) return std::nullopt;
  std::array<std::byte, 6> head{};
  ssize_t count = pread(file.get(), head.data(), head.size(), position);
  if (count < 0) return FailErrno("read", subject);
  auto read = std::span(head).first(static_cast<size_t>(count));
  if (DetectCompression(read) != Compression::kNone) return std::nullopt;
  return position;
}

}  // namespace

Result<std::unique_ptr<FileSet>> OpenTarFiles(const core::Layout& layout, Fd file,
                                              const std::string& subject,
                                              const CancelToken& cancel) {
  TRY(auto place, PlaceOf(file, subject));
  auto archive = std::make_shared<Fd>(std::move(file));
  auto files = std::make_unique<TarFiles>();
  if (place) {
    struct stat status{};
    if (fstat(archive->get(), &status) != 0) return FailErrno("stat", subject);
    SeekableInput input(archive, *place, status.st_size, subject);
    TRY(files->Load(input));
    return files;
  }
  core::RemoveStaleTemps(layout.Ingest());
  StoppableFdSource raw(*archive, subject, cancel);
  TRY(std::unique_ptr<ByteSource> tar, Decompress(raw));
  StreamInput input(layout, *tar);
  TRY(files->Load(input));
  // The rest: the checksum of a compressed stream is at its end, and a writer to a pipe would die
  // of SIGPIPE if nobody took its padding.
  std::vector<std::byte> rest(64 << 10);
  while (true) {
    TRY(size_t count, input.Read(rest));
    if (count < rest.size()) break;
  }
  return files;
}

}  // namespace hoy::oci
