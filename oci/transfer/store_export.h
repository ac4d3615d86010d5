#pragma once
// An image of the store to a target (image_target.h). Each blob that the target lacks is read once;
// where the target wants plain tars, it is decompressed in a thread of its own and its diff ID is
// checked on the way.

#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_store.h"
#include "oci/transfer/image_target.h"

namespace hoy::oci {

struct ExportNames {
  std::vector<Reference> names;
  std::string tag = {};  // what an OCI layout calls it, word for word, instead of the names
  bool member = false;   // of a list
};

// kNotFound: a blob of the image is no longer here (pull it again). The target's own errors.
// Returns the manifest that the target has got.
Result<Descriptor> ExportImage(const core::Layout& layout, const ImageRecord& record,
                               const ExportNames& names, ImageTarget& target);
// A list, with all of its entries or without. kNotFound: one of them is neither an image nor a blob
// on this machine.
enum class ListEntries { kAll, kNone };
Result<Descriptor> ExportList(const core::Layout& layout, const StoredList& list,
                              const ExportNames& names, ImageTarget& target,
                              ListEntries entries = ListEntries::kAll);

}  // namespace hoy::oci
