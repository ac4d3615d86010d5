#pragma once
// Unpacks one layer tar into a directory of its own, in the form overlayfs reads: OCI image-spec
// v1.1 layer.md, as docker and containers/storage apply it.
//
//   .wh.NAME      -> NAME as a character device 0:0           (kernel overlayfs.rst "whiteouts")
//   .wh..wh..opq  -> trusted.overlay.opaque=y on its directory
//   .wh..wh.*     -> aufs bookkeeping, ignored
//
// Unpacking is two steps, so that layers can be unpacked at the same time: ApplyLayer needs nothing
// of the layers below; what only they can answer (hard links to files that live below, owner and
// mode of directories that the tar does not list) is collected and settled by FinishLayer, once the
// layers below are finished.
//
// Hostile input: names that leave the root through ".." are kCorrupt; absolute names start at the
// root; symlinks among the parents are followed inside the root only (openat2 RESOLVE_IN_ROOT); the
// last component is never followed. Nothing outside the target is touched. Memory does not grow
// with the number of entries, other than for what FinishLayer must do.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

struct ApplyOptions {
  // File bytes that the layer may write; 0: as much as the file system has free at the start.
  // Exceeding it is kCorrupt; a full disk is kSystem with ENOSPC.
  uint64_t max_unpacked_bytes = 0;
  // The layer's digest where the caller makes sure of it: one that is not compressed is then not
  // hashed again.
  std::optional<Digest> plain_digest;
  // The tar was made as no layer, but of a tree: what would be whiteouts are files, which a layer
  // cannot hold (kUnsupported).
  bool plain_tree = false;
};

// What the layers below must answer.
struct LowerNeeds {
  struct HardLink {
    std::string path;
    std::string target;
  };
  std::vector<HardLink> links;           // in tar order
  std::vector<std::string> directories;  // made without an entry; parents first
};

struct AppliedLayer {
  Digest diff_id;           // sha256 of the whole uncompressed stream
  uint64_t tar_bytes = 0;   // length of that stream
  uint64_t file_bytes = 0;  // sum of the sizes of regular files (docker's layer size)
  uint64_t entries = 0;
  LowerNeeds needs;
};

// Reads `layer` (compressed or not, see decompress.h) to its end and unpacks it into `target`, an
// empty directory. Decompression and hashing run in a second thread, at most 2 MiB ahead. After an
// error the target is half made: the caller removes it. `layer` is used by that thread, but not
// after the return.
Result<AppliedLayer> ApplyLayer(ByteSource& layer, BorrowedFd target, const ApplyOptions& options);

// Unpacks a tar, compressed or not, into a directory that may hold files already: what `hoy cp -`
// is given. Whiteout names are names like any other, the directory itself stays as it is, and
// nothing takes the place of a directory or a directory that of something else (kConflict). After
// an error what came before stays, and no file is there in part.
Result<AppliedLayer> ExtractTar(ByteSource& tar, BorrowedFd target);

// `lower_directories` topmost first, in overlayfs form. kCorrupt: a hard link to nothing.
Result<> FinishLayer(BorrowedFd target, const LowerNeeds& needs,
                     const std::vector<std::string>& lower_directories);

}  // namespace hoy::oci
