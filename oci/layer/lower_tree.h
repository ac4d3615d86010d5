#pragma once
// Looks names up in a stack of layer directories as overlayfs would (kernel overlayfs.rst): the
// topmost one wins, whiteouts and opaque directories hide what is below, directories merge. Nothing
// is mounted.

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::oci {

class LowerTree {
 public:
  // Topmost first.
  static Result<LowerTree> Open(const std::vector<std::string>& directories);

  // Where a name was found: its directory in the layer that has it, and what it is.
  struct Found {
    Fd parent;
    std::string name;  // "." for the root
    struct stat status{};
  };
  // Symlinks among the parents are followed inside the tree; the last component is not followed.
  // kNotFound: there is no such name.
  Result<Found> Find(std::string_view path) const;

 private:
  std::vector<Fd> roots_;
};

}  // namespace hoy::oci
