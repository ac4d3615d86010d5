#include "oci/layer/tar_reader.h"

#include <sys/sysmacros.h>

#include <limits>
#include <new>

namespace hoy::oci {
namespace {

// libarchive recodes PAX names from UTF-8 to the locale's character set, and keeps the bytes when
// it cannot. In the C locale it always keeps them.
class ScopedLocale {
 public:
  explicit ScopedLocale(locale_t locale) : before_(uselocale(locale)) {}
  ScopedLocale(const ScopedLocale&) = delete;
  ScopedLocale& operator=(const ScopedLocale&) = delete;
  ~ScopedLocale() { uselocale(before_); }

 private:
  locale_t before_;
};

std::string_view Text(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

}  // namespace

TarReader::TarReader(ReadAhead& source)
    : source_(source),
      archive_(archive_read_new()),
      c_locale_(newlocale(LC_ALL_MASK, "C", nullptr)) {
  if (archive_ == nullptr || c_locale_ == nullptr) throw std::bad_alloc();
  archive_read_support_format_tar(archive_);
  archive_read_support_format_empty(archive_);  // a layer of no bytes is a layer of no files
}

TarReader::~TarReader() {
  archive_read_free(archive_);
  freelocale(c_locale_);
}

la_ssize_t TarReader::ReadCallback(archive* handle, void* self, const void** buffer) {
  auto* reader = static_cast<TarReader*>(self);
  auto bytes = reader->source_.Next();
  if (!bytes) {
    reader->source_error_ = std::move(bytes).error();
    archive_set_error(handle, EIO, "source");
    return -1;
  }
  *buffer = bytes->data();
  return static_cast<la_ssize_t>(bytes->size());
}

Error TarReader::ArchiveError() {
  if (source_error_) return *source_error_;
  return MakeError(ErrorKind::kCorrupt,
                   fmt::format("tar: {}", Text(archive_error_string(archive_))));
}

Result<bool> TarReader::Next(TarEntry& entry) {
  ScopedLocale locale(c_locale_);
  if (entry_ == nullptr &&
      archive_read_open(archive_, this, nullptr, ReadCallback, nullptr) != ARCHIVE_OK) {
    return Fail(ArchiveError());
  }
  int code = archive_read_next_header(archive_, &entry_);
  if (code == ARCHIVE_EOF) return false;
  // A warning is about a name it could not recode, which is kept as it is.
  if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Fail(ArchiveError());
  entry.name = Text(archive_entry_pathname(entry_));
  if (entry.name.empty()) return Fail(ErrorKind::kCorrupt, "tar: an entry has no name");
  const char* hard_link = archive_entry_hardlink(entry_);
  entry.is_hard_link = hard_link != nullptr;
  entry.link_target = entry.is_hard_link ? Text(hard_link) : Text(archive_entry_symlink(entry_));
  entry.type = archive_entry_filetype(entry_);
  entry.mode = archive_entry_perm(entry_) & 07777;
  la_int64_t uid = archive_entry_uid(entry_);
  la_int64_t gid = archive_entry_gid(entry_);
  // The last id is what chown(2) takes for "leave it".
  constexpr la_int64_t kMaxId = std::numeric_limits<uint32_t>::max() - 1;
  if (uid < 0 || uid > kMaxId || gid < 0 || gid > kMaxId) {
    return Fail(ErrorKind::kCorrupt, "tar: an owner of {}:{} is out of range", uid, gid);
  }
  entry.uid = static_cast<uid_t>(uid);
  entry.gid = static_cast<gid_t>(gid);
  entry.device = makedev(archive_entry_rdevmajor(entry_), archive_entry_rdevminor(entry_));
  entry.size = archive_entry_size(entry_);
  entry.mtime = {.tv_sec = archive_entry_mtime(entry_),
                 .tv_nsec = archive_entry_mtime_nsec(entry_)};
  if (entry.mtime.tv_nsec < 0 || entry.mtime.tv_nsec > 999'999'999) entry.mtime.tv_nsec = 0;
  entry.has_xattrs = archive_entry_xattr_count(entry_) > 0;
  return true;
}

Result<TarReader::Block> TarReader::ReadBlock() {
  const void* data = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  while (true) {
    int code = archive_read_data_block(archive_, &data, &size, &offset);
    if (code == ARCHIVE_EOF) return Block{.bytes = {}, .offset = offset};
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Fail(ArchiveError());
    if (offset < 0) return Fail(ErrorKind::kCorrupt, "tar: a sparse file's map is damaged");
    if (size > 0) {
      return Block{.bytes = std::span(static_cast<const std::byte*>(data), size), .offset = offset};
    }
  }
}

Result<> TarReader::ForEachXattr(
    const std::function<Result<>(const char* name, std::span<const std::byte> value)>& visit) {
  archive_entry_xattr_reset(entry_);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(entry_, &name, &value, &size) == ARCHIVE_OK) {
    TRY(visit(name, std::span(static_cast<const std::byte*>(value), size)));
  }
  return {};
}

Result<> TarReader::Drain() {
  while (true) {
    TRY(auto bytes, source_.Next());
    if (bytes.empty()) return {};
  }
}

}  // namespace hoy::oci
