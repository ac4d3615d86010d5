#include "oci/image/layer_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

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
    // A pid comes back after a reboot: the name may be a dead process's.
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
  std::string path = FreshPath(layout, kRemoved);
  if (rename(layer.c_str(), path.c_str()) != 0) return FailErrno("rename", layer);
  return LockedDirectory{.path = std::move(path), .lock = std::move(fd), .chain_id = chain_id};
}

Result<> PutBackLayers(const core::Layout& layout, const std::set<Digest>& needed,
                       std::vector<LockedDirectory>& aside) {
  for (const LockedDirectory& layer : aside) {
    if (!needed.contains(layer.chain_id)) continue;
    std::string path = LayerDirectory(layout, layer.chain_id);
    if (rename(layer.path.c_str(), path.c_str()) != 0) return FailErrno("put back", path);
  }
  std::erase_if(aside,
                [&](const LockedDirectory& layer) { return needed.contains(layer.chain_id); });
  return {};
}

Result<> DeleteLayers(const std::vector<LockedDirectory>& layers) {
  std::vector<std::string> paths;
  paths.reserve(layers.size());
  for (const LockedDirectory& layer : layers) paths.push_back(layer.path);
  return core::RemoveTrees(paths);
}

void RemoveDeadLayerDirectories(const core::Layout& layout) {
  auto names = core::ListDirectory(layout.Layers());
  if (!names) return;
  std::vector<LockedDirectory> dead;
  for (const std::string& name : *names) {
    if (!name.starts_with(kStaging) && !name.starts_with(kRemoved)) continue;
    std::string path = layout.Layers() + "/" + name;
    auto fd = core::OpenDirectory(path);
    if (fd && core::TryLockFile(*fd, core::LockMode::kExclusive).value_or(false)) {
      dead.push_back({.path = std::move(path), .lock = *std::move(fd)});
    }
  }
  (void)DeleteLayers(dead);
}

}  // namespace hoy::oci
