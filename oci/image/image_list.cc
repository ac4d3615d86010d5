// Lists: names that stand for an index and whichever of its images are here (image_record.h).

#include <algorithm>
#include <iterator>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/image/image_files.h"
#include "oci/image/image_store.h"

namespace hoy::oci {
namespace {

constexpr int kMostLooks = 100;

std::string Familiar(const std::string& canonical) {
  auto reference = Reference::Parse(canonical);
  return reference ? reference->Familiar() : canonical;
}

Result<std::optional<RefRecord>> FindListRef(const core::Layout& layout, std::string_view wanted) {
  auto reference = Reference::ParseWithDefaultTag(wanted);
  if (reference && !wanted.starts_with("sha256:")) {
    if (!reference->digest().empty()) reference = reference->WithDigest(reference->digest());
    TRY(auto ref, ReadRef(layout, *reference));
    if (ref) return ref->is_list ? std::move(ref) : std::nullopt;
  }
  if (wanted.starts_with("sha256:")) wanted.remove_prefix(7);
  if (!IsHex(wanted) || wanted.empty()) return std::nullopt;
  TRY(auto refs, ReadRefs(layout));
  for (RefRecord& ref : refs) {
    if (ref.is_list && ref.target.hex().starts_with(wanted)) return std::move(ref);
  }
  return std::nullopt;
}

std::unexpected<Error> Meanwhile(const Reference& name, std::string_view what) {
  return Fail(ErrorKind::kConflict, "'{}': {}", name.Familiar(), what);
}

// Whether the name means what whoever changes it believes.
Result<> CheckExpected(const NewList& list, const std::optional<RefRecord>& old) {
  if (!list.expected) return {};
  if (list.expected->empty()) {
    if (!old) return {};
    return Meanwhile(list.name, old->is_list ? "there is a list of that name already"
                                             : "there is an image of that name already");
  }
  if (old && old->is_list && old->target == *list.expected) return {};
  return Meanwhile(list.name, "the list was changed meanwhile");
}

}  // namespace

Result<std::optional<StoredList>> ImageStore::FindList(std::string_view name_or_digest) const {
  TRY(auto ref, FindListRef(layout_, name_or_digest));
  if (!ref) return std::nullopt;
  auto bytes = ReadBlob(ref->target);
  // Where the list was changed between the two reads, the document that it had has gone.
  for (int look = 1; look < kMostLooks && !bytes && bytes.error().system_errno == ENOENT; ++look) {
    TRY(ref, FindListRef(layout_, name_or_digest));
    if (!ref) return std::nullopt;
    bytes = ReadBlob(ref->target);
  }
  StoredList list{.reference = std::move(ref->reference),
                  .digest = ref->target,
                  .bytes = {},
                  .index = {},
                  .members = std::move(ref->members)};
  TRY_CONTEXT_SET(list.bytes, std::move(bytes), "list '{}'", Familiar(list.reference));
  TRY_CONTEXT_SET(auto document, ParseManifestOrIndex(list.bytes, {}), "list '{}'",
                  Familiar(list.reference));
  auto* index = std::get_if<Index>(&document);
  if (index == nullptr || index->manifests.size() != list.members.size()) {
    return Fail(MakeError(ErrorKind::kCorrupt,
                          fmt::format("list '{}': its document and its entries do not match",
                                      Familiar(list.reference)))
                    .WithHint("remove it, and make or pull it again"));
  }
  list.index = std::move(*index);
  return list;
}

Result<> ImageStore::DropBlobs(std::span<const Digest> blobs) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  return DropUnneededBlobs(layout_, blobs);
}

bool ImageStore::HasName(const Reference& name) const {
  auto ref = ReadRef(layout_, name);
  return ref && ref->has_value();
}

Result<> ImageStore::DropName(const Reference& name) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  return core::Unlink(RefPath(layout_, name));
}

// What the name means when nobody asks for a platform: the image for this machine, or the first.
Result<Digest> ImageStore::ChooseListImage(const NewList& list, const Index& index) const {
  Index here;
  Digest first;
  for (size_t i = 0; i < index.manifests.size(); ++i) {
    const Digest& image = list.members[i].image;
    if (image.empty()) continue;
    here.manifests.push_back(index.manifests[i]);
    if (first.empty()) first = image;
  }
  auto best = SelectPlatform(here, HostPlatform());
  if (!best) return first;
  for (const ListMember& member : list.members) {
    if (member.manifest == best->digest) return member.image;
  }
  return first;
}

Result<> ImageStore::PublishList(const NewList& list) const {
  TRY(ManifestOrIndex document, ParseManifestOrIndex(list.bytes, {}));
  auto* index = std::get_if<Index>(&document);
  if (index == nullptr || index->manifests.size() != list.members.size()) {
    return Fail(ErrorKind::kCorrupt, "'{}': no index of {} entries", list.name.Familiar(),
                list.members.size());
  }
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(auto old, ReadRef(layout_, list.name));
  TRY(CheckExpected(list, old));
  RefRecord ref{.reference = list.name.ToString(),
                .target = list.digest,
                .image = Digest(),
                .is_list = true,
                .members = list.members};
  TRY(ref.image, ChooseListImage(list, *index));
  for (const ListMember& member : list.members) {
    if (member.image.empty()) continue;
    TRY(auto record, ReadRecord(layout_, member.image));
    if (!record) return Meanwhile(list.name, "one of its images was removed meanwhile");
    bool known =
        std::ranges::find(record->repo_digests, list.repo_digest) != record->repo_digests.end();
    if (member.image != ref.image || list.repo_digest.empty() || known) continue;
    record->repo_digests.push_back(list.repo_digest);
    std::ranges::sort(record->repo_digests);
    TRY(core::WriteFileAtomically(RecordPath(layout_, record->id), EncodeImageRecord(*record),
                                  core::Durability::kDurable));
  }
  TRY(WriteBlob(list.digest, list.bytes));
  TRY(core::WriteFileAtomically(RefPath(layout_, list.name), EncodeRefRecord(ref),
                                core::Durability::kDurable));
  for (const Reference& name : list.absorbed) TRY(core::Unlink(RefPath(layout_, name)));
  if (!old || !old->is_list || old->target == list.digest) return {};
  return DropUnneededBlobs(layout_, BlobsOfList(*old));
}

Result<ResolvedImage> ImageStore::ResolveForPlatform(std::string_view name_or_id,
                                                     const Platform& platform) const {
  TRY(auto list, FindList(name_or_id));
  if (!list) {
    TRY(ResolvedImage image, Resolve(name_or_id));
    if (MatchRank(platform, image.record.platform)) return image;
    return Fail(
        MakeError(ErrorKind::kNotFound,
                  fmt::format("image '{}' is here for {}, not for {}", name_or_id,
                              image.record.platform.ToString(), platform.ToString()))
            .WithHint(fmt::format("hoy pull --platform {} {}", platform.ToString(), name_or_id)));
  }
  TRY_CONTEXT_SET(Descriptor entry, SelectPlatform(list->index, platform), "'{}'", name_or_id);
  for (const ListMember& member : list->members) {
    if (member.manifest != entry.digest || member.image.empty()) continue;
    TRY(auto record, ReadRecord(layout_, member.image));
    if (!record) break;
    return ResolvedImage{
        .record = *std::move(record), .reference = list->reference, .of_list = true};
  }
  return Fail(
      MakeError(ErrorKind::kNotFound, fmt::format("the image of '{}' for {} is not on this machine",
                                                  name_or_id, platform.ToString()))
          .WithHint(fmt::format("hoy pull --platform {} {}", platform.ToString(), name_or_id)));
}

}  // namespace hoy::oci
