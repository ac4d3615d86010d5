#pragma once
// Named files that an image format is read from: a directory, or a tar that is never unpacked.
//
// Tars. A plain one in a seekable file is indexed by its headers alone and read in place, by
// several threads. Anything else (a pipe, a compressed file) is read once, and its files are put
// into images/ingest, where a layer becomes a blob of the store by a rename.
//
// Hostile input. A name is only ever a key: "..", absolute names, symlinks and hard links of a tar
// are resolved among its own names; one that leads out makes the archive kCorrupt. In a directory
// nothing outside is opened (openat2 RESOLVE_IN_ROOT), and only regular files are.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/registry/cancel.h"
#include "oci/transfer/image_source.h"

namespace hoy::oci {

class FileSet {
 public:
  virtual ~FileSet() = default;
  // Sizes of regular files; nullopt: there is no such file.
  virtual std::optional<int64_t> SizeOf(const std::string& name) = 0;
  // kNotFound: there is no such file. By several threads.
  virtual Result<std::unique_ptr<SourceBlob>> Open(const std::string& name) = 0;

  // The name that the file itself bears: `name` may be another way to write it, or a link.
  virtual std::string FileOf(const std::string& name) { return name; }

  virtual bool in_tar() const = 0;

  bool Has(const std::string& name) { return SizeOf(name).has_value(); }
  // kCorrupt: it is missing or longer than a document may be.
  Result<std::string> Read(const std::string& name);
};

Result<std::unique_ptr<FileSet>> OpenDirectoryFiles(const std::string& directory);

// `file` from where it stands. `layout` is prepared. kCorrupt: not a tar, cut short, or more than
// kMaxArchiveFiles files; kCancelled. `cancel` is of no use any more after the return.
Result<std::unique_ptr<FileSet>> OpenTarFiles(const core::Layout& layout, Fd file,
                                              const std::string& subject,
                                              const CancelToken& cancel = {});

inline constexpr size_t kMaxArchiveFiles = 1 << 17;

}  // namespace hoy::oci
