#include "oci/image/repo_digests.h"

#include <algorithm>

#include "core/sys/files.h"
#include "oci/image/image_files.h"
#include "oci/image/image_record.h"

namespace hoy::oci {

Result<> AddRepoDigest(const core::Layout& layout, const Digest& image, const Reference& name,
                       const Digest& digest) {
  TRY(Fd lock, LockImages(layout.Images()));
  TRY(auto record, ReadRecord(layout, image));
  if (!record) return {};
  TRY(auto refs, ReadRefs(layout));
  bool has_name = std::ranges::any_of(refs, [&](const RefRecord& ref) {
    auto own = Reference::Parse(ref.reference);
    return ref.image == image && own && own->Name() == name.Name();
  });
  std::string text = name.WithDigest(digest).ToString();
  std::vector<std::string>& known = record->repo_digests;
  if (!has_name || std::ranges::find(known, text) != known.end()) return {};
  known.push_back(std::move(text));
  std::ranges::sort(known);
  return core::WriteFileAtomically(RecordPath(layout, image), EncodeImageRecord(*record),
                                   core::Durability::kDurable);
}

}  // namespace hoy::oci
