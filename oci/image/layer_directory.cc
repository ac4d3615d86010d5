#include "oci/image/layer_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <optional>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/remove_trees.h"
#include "oci/image/layer_path.h"

namespace hoy::oci {
namespace {

constexpr std::string_view kStaging = ".staging-";
constexpr std::string_view kRemoved = ".removed-";
std::atomic<unsigned> counter{0};

std::string FreshPath(const core::Layout& layout, std::string_view prefix) {
  return fmt::format("{}/{}{}-{}", layout.Layers(), prefix, getpid(), counter++);
}

// Of .removed-<chain id>-<pid>-<n>.
std::optional<Digest> ChainIdIn(std::string_view name) {
  constexpr size_t kHexDigits = 64;
  if (!name.starts_with(kRemoved)) return std::nullopt;
  name.remove_prefix(kRemoved.size());
  if (name.size() <= kHexDigits || name[kHexDigits] != '-') return std::nullopt;
  std::string_view hex = name.substr(0, kHexDigits);
  return IsHex(hex) ? std::optional(Digest::FromHex(hex)) : std::nullopt;
}

// Those that have no living owner, locked.
std::vector<LockedDirectory> FindDead(const core::Layout& layout, bool layers) {
  std::vector<LockedDirectory> dead;
  auto names = core::ListDirectory(layout.Layers());
  if (!names) return dead;
  for (const std::string& name : *names) {
    std::optional<Digest> chain_id = ChainIdIn(name);
    bool other = name.starts_with(kStaging) || name.starts_with(kRemoved);
    if (layers ? !chain_id : chain_id || !other) continue;
    std::string path = layout.Layers() + "/" + name;
    auto fd = core::OpenDirectory(path);
    if (fd && core::TryLockFile(*fd, core::LockMode::kExclusive).value_or(false)) {
      dead.push_back({.path = std::move(path),
                      .lock = *std::move(fd),
                      .chain_id = chain_id.value_or(Digest())});
    }
  }
  return dead;
}

bool IsSameDirectory(BorrowedFd fd, const std::string& path) {
  struct stat by_fd{};
  struct stat by_path{};
  return fstat(fd.get(), &by_fd) == 0 && lstat(path.c_str(), &by_path) == 0 &&
         by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}

}  // namespace

Result<LockedDirectory> MakeStagingDirectory(const core::Layout& layout) {
  while (true) {
    std::string path = FreshPath(layout, kStaging);
    auto made = core::MakeDirectory(path, 0700);
    // A pid comes back: the name may be a dead process's.
    if (!made && made.error().system_errno == EEXIST) continue;
    if (!made) return Fail(std::move(made).error());
    auto fd = core::OpenDirectory(path);
    if (fd && core::TryLockFile(*fd, core::LockMode::kExclusive).value_or(false) &&
        IsSameDirectory(*fd, path)) {
      return LockedDirectory{.path = std::move(path), .lock = *std::move(fd)};
    }
    // Someone who cleans up took it for a dead one before it was locked.
    if (!fd && fd.error().system_errno != ENOENT) {
      rmdir(path.c_str());
      return Fail(std::move(fd).error());
    }
  }
}

Result<LockedDirectory> MoveLayerAside(const core::Layout& layout, const Digest& chain_id) {
  std::string layer = LayerDirectory(layout, chain_id);
  TRY(Fd fd, core::OpenDirectory(layer));
  TRY(core::LockFile(fd, core::LockMode::kExclusive, layer));
  unsigned flags = RENAME_NOREPLACE;
  while (true) {
    std::string path = FreshPath(layout, fmt::format("{}{}-", kRemoved, chain_id.hex()));
    if (renameat2(AT_FDCWD, layer.c_str(), AT_FDCWD, path.c_str(), flags) == 0) {
      return LockedDirectory{.path = std::move(path), .lock = std::move(fd), .chain_id = chain_id};
    }
    // A pid comes back: the name may be a dead process's.
    if (errno == EEXIST || errno == ENOTEMPTY) continue;
    // A file system without that flag.
    if (errno != EINVAL || flags == 0) return FailErrno("rename", layer);
    flags = 0;
  }
}

Result<> PutBackLayers(const core::Layout& layout, const std::set<Digest>& needed,
                       std::vector<LockedDirectory>& aside) {
  std::vector<LockedDirectory> left;
  for (LockedDirectory& layer : aside) {
    std::string path = LayerDirectory(layout, layer.chain_id);
    bool is_there_again = core::Exists(path);
    if (!needed.contains(layer.chain_id) || is_there_again) {
      left.push_back(std::move(layer));
    } else if (rename(layer.path.c_str(), path.c_str()) != 0) {
      return FailErrno("put back", path);
    }
  }
  aside = std::move(left);
  return {};
}

Result<> DeleteLayers(const std::vector<LockedDirectory>& layers) {
  std::vector<std::string> paths;
  paths.reserve(layers.size());
  for (const LockedDirectory& layer : layers) paths.push_back(layer.path);
  return core::RemoveTrees(paths);
}

std::vector<LockedDirectory> FindDeadLayers(const core::Layout& layout) {
  return FindDead(layout, true);
}

void RemoveDeadStaging(const core::Layout& layout) {
  (void)DeleteLayers(FindDead(layout, false));
}

}  // namespace hoy::oci
