#include "oci/archive/file_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "core/sys/in_root.h"
#include "oci/archive/file_range.h"
#include "oci/image/manifest.h"

namespace hoy::oci {
namespace {

class DirectoryFiles final : public FileSet {
 public:
  explicit DirectoryFiles(Fd root) : root_(std::move(root)) {}

  std::optional<int64_t> SizeOf(const std::string& name) override {
    auto file = core::OpenInRoot(root_, name, O_PATH);
    struct stat status{};
    if (!file || fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    return status.st_size;
  }

  Result<std::unique_ptr<SourceBlob>> Open(const std::string& name) override {
    // Not blocked by a FIFO of that name.
    TRY(Fd file, core::OpenInRoot(root_, name, O_RDONLY | O_NONBLOCK));
    struct stat status{};
    if (fstat(file.get(), &status) != 0) return FailErrno("stat", name);
    if (!S_ISREG(status.st_mode)) return FailErrno("open", name, EINVAL);
    auto shared = std::make_shared<Fd>(std::move(file));
    return std::make_unique<FileRange>(std::move(shared), 0, status.st_size, name);
  }

  bool in_tar() const override { return false; }

 private:
  Fd root_;
};

}  // namespace

Result<std::string> FileSet::Read(const std::string& name) {
  auto size = SizeOf(name);
  if (!size) return Fail(ErrorKind::kCorrupt, "'{}' is missing", name);
  if (*size > static_cast<int64_t>(kMaxDocumentBytes)) {
    return Fail(ErrorKind::kCorrupt, "'{}' has {} bytes, which are too many", name, *size);
  }
  TRY(std::unique_ptr<SourceBlob> file, Open(name));
  std::string bytes(static_cast<size_t>(*size), '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    TRY(size_t count, file->Read(std::as_writable_bytes(std::span(bytes).subspan(filled))));
    if (count == 0) return Fail(ErrorKind::kCorrupt, "'{}' ends early", name);
    filled += count;
  }
  return bytes;
}

Result<std::unique_ptr<FileSet>> OpenDirectoryFiles(const std::string& directory) {
  TRY(Fd root, core::OpenDirectory(directory));
  return std::make_unique<DirectoryFiles>(std::move(root));
}

}  // namespace hoy::oci
