#pragma once
// A container's root as it will look once it is mounted, read without mounting anything: the upper
// directory over the layers, with the container's mounts on top. With it a user, a program or a
// working directory is looked up before the start, and a failed start is explained after it, when
// the mount namespace that had the real root is gone.
//
// It follows Linux overlayfs (Documentation/filesystems/overlayfs.rst): a character device 0:0 is a
// whiteout, and the xattr trusted.overlay.opaque (or user.overlay.opaque) = "y" hides the layers
// below a directory. Not redirect_dir and metacopy, which a root of hoy is mounted without.
//
// Everything in it may be hostile. Symlinks are followed by hand, in the merged view; ".." and
// absolute links stay inside; nothing but a regular file is ever opened for reading.
//
// For a running container, Open({"/proc/<pid>/root"}) sees its real mounts.

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::core {

class LayeredRoot {
 public:
  // `directories`: upper first, then the layers from the topmost down. `mounts` as in
  // ContainerConfig: a bind shows its source, any other kind an empty directory, and so does a
  // bind whose missing source is to be made; one whose source is just missing is left out. Errors:
  // a directory that cannot be opened; kInvalidArgument: a mount of the user's whose target is a
  // link to the root, or into what the kernel shows. `layout`: where the layers of mounted images
  // are; without it these are left out as well.
  static Result<LayeredRoot> Open(const std::vector<std::string>& directories,
                                  const std::vector<Mount>& mounts = {},
                                  const Layout* layout = nullptr);

  // Something that was found. Valid as long as the root it came from.
  struct File {
    std::string path;  // inside the root, absolute, without symlinks
    struct stat status{};
    uint64_t flags = 0;     // MS_* of the mount it lies on
    int parent = -1;        // it is `name` below this, or this itself where `name` is empty;
    std::string name;       // -1: a directory that exists only once the mounts are made
    bool overlaid = false;  // it comes from the upper directory or a layer, not from a bind
  };

  enum class LastLink { kFollow, kKeep };

  // Errors as path_resolution(7) has them, in system_errno: ENOENT, ENOTDIR, ELOOP.
  Result<File> Find(std::string_view path, LastLink last = LastLink::kFollow);

  // At most `limit` bytes from the start of a regular file; EINVAL for anything else.
  Result<std::string> ReadHead(const File& file, size_t limit) const;
  // The whole of it; kCorrupt when it is longer than `limit`.
  Result<std::string> Read(const File& file, size_t limit) const;

  // The names in a directory, merged and sorted.
  Result<std::vector<std::string>> List(std::string_view path);

  // The file lies on a mount that forbids exec: the bind's own flag, or that of its source.
  bool ForbidsExec(const File& file) const;

 private:
  struct Directory {
    std::vector<Fd> layers;  // topmost first; none: an empty directory
    bool merged = false;     // whiteouts count
    uint64_t flags = 0;
  };
  struct MountPoint {
    std::string target;  // canonical
    bool bind = false;
    bool is_directory = true;
    std::vector<Fd> sources;  // O_PATH of a bind's file or directory; of an image's, topmost first
    uint64_t flags = 0;
  };
  static std::vector<Fd> OpenSources(const Mount& mount, const Layout* layout);
  struct Entry {
    enum class Kind { kMissing, kFile, kDirectory } kind = Kind::kMissing;
    Directory* directory = nullptr;
    File file;
  };

  Result<Entry> LookUp(Directory& parent, const std::string& name, const std::string& path,
                       bool wants_directory);
  // `canonical` is what `path` comes to, also where it does not exist (yet).
  Result<Entry> Walk(std::string_view path, LastLink last, std::string& canonical);
  Result<> AddMount(const Mount& mount, const Layout* layout);
  MountPoint* MountAt(const std::string& path);
  bool HasMountBelow(const std::string& path) const;
  Directory* Remember(const std::string& path, Directory directory);

  std::unordered_map<std::string, std::unique_ptr<Directory>> directories_;  // by canonical path
  std::vector<std::unique_ptr<MountPoint>> mounts_;
};

}  // namespace hoy::core
