#include "cli/ops/container_size.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <utility>

#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// Trees deeper than this are an attack on our stack and descriptors, not somebody's data.
constexpr int kMaxDepth = 512;

class Walk {
 public:
  Result<> Add(BorrowedFd parent, const std::string& name, int depth) {
    auto directory = core::OpenAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory) {
      return directory.error().system_errno == ENOENT ? Result<>{}
                                                      : Fail(std::move(directory).error());
    }
    TRY(auto names, core::ListDirectory(fmt::format("/proc/self/fd/{}", directory->get())));
    for (const std::string& entry : names) {
      struct stat status{};
      if (fstatat(directory->get(), entry.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISDIR(status.st_mode)) {
        if (depth < kMaxDepth) TRY(Add(*directory, entry, depth + 1));
        continue;
      }
      bool counts = S_ISREG(status.st_mode) || S_ISLNK(status.st_mode);
      if (!counts || (status.st_nlink > 1 && !seen_.insert(status.st_ino).second)) continue;
      total_ += status.st_size;
    }
    return {};
  }
  int64_t total() const { return total_; }

 private:
  std::set<ino_t> seen_;  // a container's directory is one file system
  int64_t total_ = 0;
};

}  // namespace

Result<int64_t> WrittenBytes(const std::string& directory) {
  Walk walk;
  TRY(walk.Add(core::kCwd, directory, 0));
  return walk.total();
}

}  // namespace hoy::cli
