#pragma once
// Directory trees as tars: a container's whole root (export), or what it changed (commit).
//
// The trees are overlayfs's directories, upper and layers, read as overlayfs would merge them
// (kernel overlayfs.rst) without a mount: the same for running and stopped containers, and with no
// privilege. Everything in them may be hostile: each name is opened below its directory's
// descriptor and never followed, so nothing leads out.
//
// A running container goes on changing its files: one that grows is cut at the size it had, one
// that vanishes is left out, and one that shrinks is filled with zeros and told of (ArchivedTree).
// Sockets are left out, as docker does. Names are sorted, so that the same tree gives the same tar.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/layer/tar_writer.h"

namespace hoy::oci {

struct TreeArchiveOptions {
  // The trees are one upper directory: what it removed becomes OCI whiteouts (image-spec layer.md),
  // "a/.wh.b" and "a/.wh..wh..opq"; a file whose own name is such a one is kUnsupported.
  bool whiteouts = false;
  // Files and directories to leave out, by their path from the root ("etc/hosts"), with what is
  // below; asked for empty files and directories only: what was made to be mounted over.
  std::function<bool(const std::string& path)> skip_empty;
  // The holes of a file that has so many bytes of them stay holes (TarWriter::BeginSparse); others
  // are zeros.
  int64_t holes_kept_from = kLargeHoles;

  // Readers that know no sparse files are the rule for small ones, and image-spec layer.md advises
  // against them in layers. But a file like lastlog(8)'s may have terabytes of holes, which nobody
  // could write, read or store.
  static constexpr int64_t kLargeHoles = 64 << 20;
};

struct ArchivedTree {
  std::vector<std::string> torn;  // what shrank while it was read; the first hundred
};

// `trees` topmost first. Writes no end of the archive.
Result<ArchivedTree> ArchiveTree(const std::vector<std::string>& trees,
                                 const TreeArchiveOptions& options, TarWriter& tar);

// One file, or one directory with all below it, of a directory that is no overlay's: its entries
// are called `as`, "as/a" and so on.
Result<ArchivedTree> ArchiveEntry(BorrowedFd parent, const std::string& name, const std::string& as,
                                  const TreeArchiveOptions& options, TarWriter& tar);

}  // namespace hoy::oci
