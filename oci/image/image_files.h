#pragma once
// Reading and locking the files of the image store; shared by the store's own sources only.

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"
#include "oci/image/image_record.h"

namespace hoy::oci {

std::string RefPath(const core::Layout& layout, const Reference& reference);
std::string RecordPath(const core::Layout& layout, const Digest& image);

// nullopt: there is none. A record is read again from the start by whoever needs to be sure.
Result<std::optional<RefRecord>> ReadRef(const core::Layout& layout, const Reference& reference);
Result<std::optional<ImageRecord>> ReadRecord(const core::Layout& layout, const Digest& image);

// All of them. What vanishes meanwhile is left out, and so is one that is damaged: it stops nothing
// that is done with others. `damaged`, where it is given, tells of those.
struct DamagedFile {
  std::string name;  // in its directory
  Error error;       // kCorrupt
};
Result<std::vector<RefRecord>> ReadRefs(const core::Layout& layout,
                                        std::vector<DamagedFile>* damaged = nullptr);
Result<std::vector<ImageRecord>> ReadRecords(const core::Layout& layout,
                                             std::vector<DamagedFile>* damaged = nullptr);

// The writers' lock: flock on DATA/images, held for some milliseconds.
Result<Fd> LockImages(const std::string& images_directory);

// What the pulls in progress rely on. Deletes the leases of the dead. The images lock is held.
struct Leased {
  std::set<Digest> blobs;
  std::set<Digest> chain_ids;
  bool everything = false;  // something is damaged: what it needs is not known

  bool HasBlob(const Digest& blob) const { return everything || blobs.contains(blob); }
  bool HasLayer(const Digest& chain_id) const { return everything || chain_ids.contains(chain_id); }
};
Result<Leased> ReadLeases(const core::Layout& layout);

// What must stay: for pulls in progress, containers, the images other than `without` and the lists
// other than `without_names`. The images lock is held.
struct ImageUser;
Result<Leased> ReadNeeded(const core::Layout& layout, std::span<const ImageUser> users,
                          const std::set<Digest>& without = {},
                          const std::set<std::string>& without_names = {});

// The blobs that a list holds itself: its document, its entries', and what is no image.
std::vector<Digest> BlobsOfList(const RefRecord& list);
// Whether a name, or a list behind a name, is the image's.
bool IsOf(const RefRecord& ref, const Digest& image);

// Deletes those of `blobs` that nothing needs. The images lock is held.
Result<> DropUnneededBlobs(const core::Layout& layout, std::span<const Digest> blobs);

}  // namespace hoy::oci
