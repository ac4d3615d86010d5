#pragma once
// The images on this machine: names, records, blobs. Built on core::Layout; the tree is drawn
// there.
//
// Locks. Readers (Resolve, List, ReadBlob) take none: they see an image whole or get kNotFound.
// Writers hold an flock on DATA/images for some milliseconds. A pull holds no lock while it works;
// its PullLease names what it relies on, and Remove leaves that alone. A lease whose flock is free
// belongs to the dead and is deleted by the next writer.
//
// Order of writes: blobs and layers, then the record, then the name; removal goes the other way. So
// after a crash there is at most something unreferenced, which CollectGarbage takes.

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_config.h"
#include "oci/image/image_record.h"
#include "oci/image/manifest.h"

namespace hoy::oci {

// What a pull in progress needs to stay: dropped with the object (or with the process).
class PullLease {
 public:
  PullLease(PullLease&& other) noexcept = default;
  PullLease& operator=(PullLease&& other) noexcept;
  ~PullLease();

  // Adds to what is protected. Call it before asking whether a blob or layer is there already: what
  // is found after Protect stays until the lease goes. Takes the images lock for a moment.
  Result<> Protect(std::span<const Digest> blobs, std::span<const Digest> chain_ids);

 private:
  friend class ImageStore;
  PullLease(std::string images, std::string path, Fd file);

  std::string images_;
  std::string path_;
  Fd file_;
  std::set<Digest> blobs_;
  std::set<Digest> chain_ids_;
};

struct ListedImage {
  ImageRecord record;
  std::vector<std::string> names;  // canonical references, sorted
  // Of lists that it belongs to as an image for another platform. With neither: dangling.
  std::vector<std::string> list_names = {};
  // No image, but a list of which nothing is here as an image: of the record, only id and manifest
  // (both the index's digest) are set.
  bool is_list = false;

  bool dangling() const { return names.empty() && list_names.empty(); }
};

struct ResolvedImage {
  ImageRecord record;
  std::string reference;  // canonical, when a name was asked for; empty for an id
  bool of_list = false;   // the name is a list's: another platform may be there, too
};

// A name that stands for a list (image_record.h), with its document.
struct StoredList {
  std::string reference;  // canonical
  Digest digest;
  std::string bytes;
  Index index;
  std::vector<ListMember> members;  // in the index's order
};

struct NewList {
  Reference name;
  Digest digest;
  std::string bytes;                // the caller has checked the digest
  std::vector<ListMember> members;  // one for each entry, in order
  // What the name must mean until now: that list, or with an empty digest nothing at all. Not
  // given: it may be anything.
  std::optional<Digest> expected;
  // Where it was pulled from under its own name: "docker.io/library/busybox@sha256:...".
  std::string repo_digest;
  std::vector<Reference> absorbed;  // names that go: their images are the list's now
};

// A container that needs an image's layers, as the caller knows it from the container records.
struct ImageUser {
  std::string container_id;
  Digest image;
  std::vector<Digest> chain_ids;
  bool running = false;
};

// Names the containers of this moment. Called under the images lock, and once more when the layers
// that are to go have lost their names: a start takes no lock on images, so a container may have
// been made since; it then finds its layers missing, or is seen here, and they are put back.
using ListImageUsers = std::function<Result<std::vector<ImageUser>>()>;

// What was taken away, in the order in which docker prints it.
struct RemovedImage {
  std::vector<std::string> untagged;  // familiar: "busybox:latest", "busybox@sha256:..."
  std::vector<Digest> deleted;        // the image id, then chain ids, topmost first
};

struct Garbage {
  std::vector<Digest> layers;  // chain ids
  int64_t bytes = 0;
};

// An interrupted pull goes on from what it has, for some days.
inline constexpr core::Timestamp kPartialsStay = 7 * 24 * 3600 * core::kSecond;

struct DamagedImage {
  ListedImage image;
  Error error;  // what is missing
};

struct PruneOptions {
  bool dry_run = false;        // nothing is removed; the answer is what would be
  bool dangling_only = false;  // one that has got a name by now stays
};

struct PrunedImages {
  std::vector<RemovedImage> images;
  int64_t reclaimed = 0;  // bytes of files
};

class ImageStore {
 public:
  explicit ImageStore(core::Layout layout) : layout_(std::move(layout)) {}

  // A name (docker's defaults apply), else "name@digest", else an unambiguous id prefix with or
  // without "sha256:", else the name behind a short name's alias. kNotFound, with a near name in
  // the hint; kConflict: the prefix is ambiguous.
  Result<ResolvedImage> Resolve(std::string_view name_or_id) const;
  // Of what Resolve finds damaged, for its removal: the id and the name, as far as they are known.
  Result<ResolvedImage> ResolveDamaged(std::string_view name_or_id) const;
  // Newest first. Those that are damaged are left out, and told of in `damaged`.
  Result<std::vector<ListedImage>> List(std::vector<Error>* damaged = nullptr) const;
  Result<ListedImage> Find(std::string_view name_or_id) const;  // Resolve with all the names
  // For who has found an image and is one of its users now: whether its layers (chain ids, hex) are
  // all there. A removal that has looked for users before is waited for: it puts them back.
  Result<bool> HasLayers(std::span<const std::string> chain_ids) const;

  // "sha256/<hex>" in DATA/images/blobs.
  std::string BlobPath(const Digest& digest) const;
  bool HasBlob(const Digest& digest) const;
  Result<std::string> ReadBlob(const Digest& digest, size_t limit = kMaxDocumentBytes) const;
  Result<ImageConfig> ReadConfig(const ImageRecord& record) const;
  // Writes a small blob (manifest, index, config) durably; the caller has checked its digest.
  Result<> WriteBlob(const Digest& digest, std::string_view bytes) const;

  // Deletes those of them that nothing needs.
  Result<> DropBlobs(std::span<const Digest> blobs) const;
  bool HasName(const Reference& name) const;
  // Takes a name from an image that has others; what is known of its origin stays.
  Result<> DropName(const Reference& name) const;

  Result<PullLease> BeginPull() const;
  // Writes the record (its repo_digests joined with those already known), then the name. The layers
  // and blobs must be in place, under a lease. `target` is the digest the registry answered with.
  Result<> Publish(ImageRecord record, const Reference& name, const Digest& target) const;

  // The same for an image that did not come from a registry: there is no digest to remember, and
  // there may be several names, or none. A record that is here already stays when all that it
  // needs is here too: what was pulled keeps the manifest it was pulled with.
  Result<> PublishLocal(ImageRecord record, std::span<const Reference> names) const;

  // Lists. FindList: by name or by the index's digest; nullopt: it is not a list's.
  Result<std::optional<StoredList>> FindList(std::string_view name_or_digest) const;
  // Writes the document, then the name. kConflict: the name does not mean what was expected, or an
  // image of the list was removed meanwhile. A document that the name had before goes.
  Result<> PublishList(const NewList& list) const;
  // The image that `name_or_id` means for a platform. kNotFound: it is not here for that one.
  Result<ResolvedImage> ResolveForPlatform(std::string_view name_or_id,
                                           const Platform& platform) const;

  // Gives an image another name; a name that was another image's moves. Neither tag nor digest in
  // `name` means ":latest"; a digest is kInvalidArgument.
  Result<> Tag(std::string_view name_or_id, std::string_view name) const;

  // docker rmi. A name is removed; with the last name, or by id, the image goes too, and the blobs
  // and layers that no image, container or pull needs. kConflict: a container uses it, or an id has
  // several names, and `force` is not given; a running container's image is kept even with `force`
  // when asked for by id, and only loses its name when asked for by name.
  Result<RemovedImage> Remove(std::string_view name_or_id, bool force,
                              const ListImageUsers& list_users) const;
  // Removes the name only, as `untag` does; the image may become dangling.
  Result<RemovedImage> Untag(std::string_view name) const;

  // Removes images with all their names, as one step under one lock: those of `images` that no
  // container uses. `reclaimed` counts the blobs and layers that nothing else needs.
  Result<PrunedImages> Prune(std::span<const Digest> images, const ListImageUsers& list_users,
                             const PruneOptions& options = {}) const;

  // Deletes blobs, layers, staging directories and leases that nobody needs, and what arrived of
  // blobs before `partials_before` and nobody goes on with.
  Result<Garbage> CollectGarbage(const ListImageUsers& list_users,
                                 core::Timestamp partials_before = INT64_MAX) const;
  // What of blobs and layers that would be.
  Result<Garbage> FindGarbage(const ListImageUsers& list_users,
                              core::Timestamp partials_before = INT64_MAX) const;
  // Images of which something is missing, and records and names that are damaged: of those
  // only the error tells. Pulling or loading them again mends them.
  Result<std::vector<DamagedImage>> FindDamaged() const;

 private:
  Result<> CheckContent(const ImageRecord& record) const;
  Result<Digest> ChooseListImage(const NewList& list, const Index& index) const;

  core::Layout layout_;
};

}  // namespace hoy::oci
