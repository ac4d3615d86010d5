#include "cli/ops/remove_image.h"

#include "cli/ops/image_users.h"
#include "core/state/event_log.h"

namespace hoy::cli {

Result<oci::RemovedImage> RemoveImage(const core::Layout& layout, const std::string& image,
                                      bool force) {
  oci::ImageStore store(layout);
  // Asked first: where nothing was ever pulled, it is the image that is missing, not a directory.
  auto resolved = store.Resolve(image);
  // What is damaged can be removed, too.
  if (!resolved && resolved.error().kind != ErrorKind::kCorrupt) {
    TRY(auto list, store.FindList(image));
    if (!list) return Fail(std::move(resolved).error());
  }
  std::string id = resolved ? resolved->record.id.ToString() : "";
  TRY(oci::RemovedImage removed, store.Remove(image, force, UsersOf(layout)));
  for (const std::string& name : removed.untagged) {
    core::RecordImageEvent(layout, "untag", id.empty() ? name : id, name);
  }
  for (const oci::Digest& digest : removed.deleted) {
    core::RecordImageEvent(layout, "delete", digest.ToString(), digest.ToString());
  }
  return removed;
}

}  // namespace hoy::cli
