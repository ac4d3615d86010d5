#include "oci/registry/list_fetch.h"

#include <algorithm>

namespace hoy::oci {
namespace {

// An entry that is no image here, and is known where to be had.
bool IsElsewhere(const ImageStore& images, const ListMember& member) {
  if (!member.image.empty() && images.Resolve(member.image.ToString())) return false;
  return !member.origin.empty();
}

bool HasAll(const ImageStore& images, const Digest& manifest) {
  auto bytes = images.ReadBlob(manifest);
  auto list = bytes ? ParseBlobList(*bytes) : std::unexpected(bytes.error());
  return list && std::ranges::all_of(list->blobs, [&](const Descriptor& blob) {
           return images.HasBlob(blob.digest) || IsForeignLayerType(blob.media_type);
         });
}

Result<> FetchEntry(const core::Layout& layout, const RemoteImage& remote, const Digest& manifest,
                    PullLease& lease, std::vector<Digest>& fetched, CancelToken& cancel) {
  ImageStore images(layout);
  TRY(lease.Protect(std::vector{manifest}, {}));
  if (!images.HasBlob(manifest)) {
    TRY(ManifestAnswer answer, FetchManifest(remote, cancel));
    fetched.push_back(manifest);
    TRY(images.WriteBlob(manifest, answer.bytes));
  }
  TRY(std::string bytes, images.ReadBlob(manifest));
  TRY(BlobList list, ParseBlobList(bytes));
  for (const Descriptor& blob : list.blobs) {
    TRY(lease.Protect(std::vector{blob.digest}, {}));
    if (images.HasBlob(blob.digest) || IsForeignLayerType(blob.media_type)) continue;
    fetched.push_back(blob.digest);
    TRY(FetchBlobs(remote, layout, std::span(&blob, 1), cancel));
  }
  return {};
}

}  // namespace

Result<std::set<std::string>> RegistriesOfEntries(const core::Layout& layout,
                                                  const StoredList& list) {
  ImageStore images(layout);
  std::set<std::string> registries;
  for (const ListMember& member : list.members) {
    if (!IsElsewhere(images, member) || HasAll(images, member.manifest)) continue;
    TRY(Reference origin, Reference::Parse(member.origin));
    registries.insert(origin.domain());
  }
  return registries;
}

Result<> FetchEntries(const core::Layout& layout, const StoredList& list, const FindRemote& remote,
                      PullLease& lease, std::vector<Digest>& fetched, CancelToken& cancel) {
  ImageStore images(layout);
  for (size_t i = 0; i < list.members.size(); ++i) {
    const ListMember& member = list.members[i];
    if (!IsElsewhere(images, member)) continue;
    const Descriptor& entry = list.index.manifests[i];
    TRY(Reference origin, Reference::Parse(member.origin));
    TRY(RemoteImage found, remote(origin));
    std::string what = entry.platform ? entry.platform->ToString() : entry.digest.Short();
    TRY_CONTEXT(
        FetchEntry(layout, found.WithDigest(entry.digest), entry.digest, lease, fetched, cancel),
        "{}", what);
  }
  return {};
}

}  // namespace hoy::oci
