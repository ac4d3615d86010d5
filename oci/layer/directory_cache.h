#pragma once
// The chain of open directories from the target's root to where the applier works. Tars are listed
// tree by tree, so that most entries find their parent open. It also keeps modification times: what
// is made in a directory changes its time, and leaving the directory puts back the one that it had.
//
// A symlink among the components is followed inside the root only (openat2 RESOLVE_IN_ROOT); the
// directory it leads to is then an "alias" in the chain.

#include <sys/stat.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::oci {

class DirectoryCache {
 public:
  // `root` is kept open by the caller.
  explicit DirectoryCache(BorrowedFd root) : root_(root) {}

  Result<> Open();

  // Makes `components` the current directory; the missing ones are made (0755, root) and reported
  // in `made`. kCorrupt: a component is a file, or a symlink to nothing, or `made` becomes larger
  // than kMaxMadeBytes.
  Result<> Enter(const std::vector<std::string_view>& components);

  BorrowedFd current() const { return chain_.back().fd; }
  // New files in it would get its group: they need an explicit chown.
  bool current_has_setgid() const { return (chain_.back().mode & S_ISGID) != 0; }

  // Something is about to be made or removed in the current directory.
  void Touch() { chain_.back().dirty = true; }

  // The root's own entry came: this is the time it shall end with.
  void SetRootTime(const timespec& mtime) {
    chain_.front().mtime = mtime;
    chain_.front().dirty = true;
  }

  // A directory or symlink was removed: what was reached through a symlink may be something else.
  Result<> ForgetAliases();

  // Puts back the times of all that is open.
  Result<> Close();

  // Paths of directories that were made without an entry of their own (yet).
  std::set<std::string, std::less<>>& made() { return made_; }
  static constexpr size_t kMaxMadeBytes = 32 << 20;
  size_t made_bytes() const { return made_bytes_; }

 private:
  struct Level {
    std::string name;  // the component; of the last level perhaps several
    Fd fd;
    mode_t mode = 0;
    timespec mtime{};
    bool dirty = false;
    bool alias = false;
  };

  Result<> Pop();
  Result<> PopTo(size_t depth);
  Result<> Push(const std::vector<std::string_view>& components, size_t index);
  Result<Fd> OpenOrMake(const std::vector<std::string_view>& components, size_t index, bool& alias);

  BorrowedFd root_;
  std::vector<Level> chain_;
  std::set<std::string, std::less<>> made_;
  size_t made_bytes_ = 0;
};

}  // namespace hoy::oci
