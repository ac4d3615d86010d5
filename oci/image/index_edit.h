#pragma once
// Indexes that are edited entry by entry: `manifest add`, `annotate`, `remove`, and a push that
// changes what an entry refers to. Every member that hoy does not know stays, in its place.
//
// `index` is a document that ParseManifestOrIndex took for an index; kCorrupt: it is none.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/image/manifest.h"
#include "oci/image/manifest_edit.h"
#include "oci/image/manifest_encode.h"

namespace hoy::oci {

// What changes of an entry; what is not given stays.
struct EntryEdit {
  std::optional<std::string> os;
  std::optional<std::string> architecture;
  std::optional<std::string> variant;
  std::optional<std::string> os_version;
  std::vector<std::string> os_features;  // these two are set whole, unless empty
  std::vector<std::string> features;     // Docker's, of the processor
  std::map<std::string, std::string> annotations;
};

std::string EmptyIndex();  // OCI's

// An entry of the same digest is replaced in its place.
Result<std::string> AddEntry(std::string_view index, const Descriptor& entry);
// The entry `digest` of the index `from`, as it stands there.
Result<std::string> CopyEntry(std::string_view index, std::string_view from, const Digest& digest);
// kNotFound: there is no such entry.
Result<std::string> RemoveEntry(std::string_view index, const Digest& digest);
Result<std::string> EditEntry(std::string_view index, const Digest& digest, const EntryEdit& edit);
Result<std::string> AnnotateIndex(std::string_view index,
                                  const std::map<std::string, std::string>& annotations);
// Media type, digest and size change; the platform and the rest stay.
Result<std::string> ReplaceEntry(std::string_view index, const Digest& digest,
                                 const Descriptor& entry);
// The other family's media type. Docker's lists know no annotations: they go.
Result<EditedManifest> ConvertIndex(std::string_view index, ManifestFormat format);

}  // namespace hoy::oci
