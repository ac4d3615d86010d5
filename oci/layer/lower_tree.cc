#include "oci/layer/lower_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <deque>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/overlay_marks.h"
#include "oci/layer/entry_path.h"

namespace hoy::oci {
namespace {

constexpr int kMaxSymlinks = 40;  // path_resolution(7)

// One directory of the merged tree: the layers' directories of that name, topmost first.
using Merged = std::vector<Fd>;

std::unexpected<Error> NotFound(std::string_view path, int system_errno = ENOENT) {
  return Fail(SystemError("look up", Printable(path), system_errno).WithKind(ErrorKind::kNotFound));
}

Fd Duplicate(BorrowedFd fd) {
  return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

struct Step {
  Merged directory;  // when it is one
  LowerTree::Found found;
};

// One component down. kNotFound: there is none, or it is whited out.
Result<Step> Descend(const Merged& from, const std::string& name, std::string_view path) {
  Step step;
  for (const Fd& layer : from) {
    struct stat status{};
    if (fstatat(layer.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return NotFound(path, errno);
    }
    bool first = !step.found.parent;
    if (!S_ISDIR(status.st_mode)) {
      if (!first || core::IsWhiteout(status)) break;
    }
    if (first) {
      step.found = {.parent = Duplicate(layer), .name = name, .status = status};
      if (!S_ISDIR(status.st_mode)) break;
    }
    TRY(Fd directory, core::OpenAt(layer, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    bool opaque = core::IsOpaque(directory);
    step.directory.push_back(std::move(directory));
    if (opaque) break;
  }
  if (!step.found.parent) return NotFound(path);
  return step;
}

void PushFront(std::deque<std::string>& pending, std::string_view path) {
  auto parts = Split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") pending.emplace_front(*part);
  }
}

}  // namespace

Result<LowerTree> LowerTree::Open(const std::vector<std::string>& directories) {
  LowerTree tree;
  tree.roots_.reserve(directories.size());
  for (const std::string& directory : directories) {
    TRY(Fd root, core::OpenDirectory(directory));
    tree.roots_.push_back(std::move(root));
  }
  return tree;
}

Result<LowerTree::Found> LowerTree::Find(std::string_view path) const {
  if (roots_.empty()) return NotFound(path);
  std::vector<Merged> chain;  // below the root, which stays in roots_
  auto here = [&]() -> const Merged& { return chain.empty() ? roots_ : chain.back(); };
  std::deque<std::string> pending;
  PushFront(pending, path);
  if (pending.empty()) {
    Found root{.parent = Duplicate(roots_.front()), .name = ".", .status = {}};
    if (fstat(root.parent.get(), &root.status) != 0) return FailErrno("stat", "/");
    return root;
  }
  int symlinks = 0;
  while (true) {
    std::string name = std::move(pending.front());
    pending.pop_front();
    if (name == "..") {
      if (!chain.empty()) chain.pop_back();
      if (pending.empty()) return NotFound(path, EISDIR);
      continue;
    }
    TRY(Step step, Descend(here(), name, path));
    if (pending.empty()) return std::move(step.found);
    if (S_ISDIR(step.found.status.st_mode)) {
      chain.push_back(std::move(step.directory));
    } else if (S_ISLNK(step.found.status.st_mode)) {
      if (++symlinks > kMaxSymlinks) return NotFound(path, ELOOP);
      char target[PATH_MAX];
      ssize_t length =
          readlinkat(step.found.parent.get(), step.found.name.c_str(), target, sizeof target);
      if (length < 0) return FailErrno("read link", Printable(path));
      std::string_view text(target, static_cast<size_t>(length));
      if (text.starts_with('/')) chain.clear();
      PushFront(pending, text);
    } else {
      return NotFound(path, ENOTDIR);
    }
  }
}

}  // namespace hoy::oci
