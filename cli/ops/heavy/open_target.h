#pragma once
// Archives and directories opened as targets of images.

#include <functional>
#include <string>

#include "cli/ops/transport.h"
#include "cli/ui/context.h"
#include "core/base/result.h"
#include "oci/image/image_store.h"
#include "oci/image/reference.h"
#include "oci/transfer/image_target.h"
#include "oci/transfer/store_export.h"

namespace hoy::cli {

// An image of the store, or a list, and what the target is to call it.
struct ImageToExport {
  oci::ImageRecord image;
  std::optional<oci::StoredList> list;
  oci::ExportNames names;
  oci::ListEntries entries = oci::ListEntries::kAll;
};

// `path` empty: stdout, for the two archives. What is there already is replaced, or added to where
// it is a layout. `dir_format`: see oci::MakeDirImage. Returns the digest of the last one's
// manifest as it was written.
Result<oci::Digest> ExportTo(Context& context, Transport transport, const std::string& path,
                             const std::vector<ImageToExport>& images,
                             std::optional<oci::ManifestFormat> dir_format);

}  // namespace hoy::cli
