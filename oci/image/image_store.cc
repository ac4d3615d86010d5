#include "oci/image/image_store.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/image/image_files.h"
#include "oci/image/layer_path.h"
#include "oci/image/registries_conf.h"

namespace hoy::oci {
namespace {

// "did you mean": another tag of the repository, else the name with the fewest typing errors.
std::string NearName(const core::Layout& layout, std::string_view asked) {
  if (ReadsAsImageId(asked)) return {};
  auto refs = ReadRefs(layout);
  if (!refs) return {};
  auto wanted = Reference::Parse(asked);
  std::string near;
  size_t best = std::max<size_t>(2, asked.size() / 4) + 1;
  for (const RefRecord& ref : *refs) {
    auto known = Reference::Parse(ref.reference);
    if (!known) continue;
    if (wanted && wanted->Name() == known->Name()) return known->Familiar();
    size_t distance = std::min(EditDistance(asked, known->Familiar()),
                               EditDistance(CutAt(asked, ':').before, known->FamiliarName()));
    if (distance < best) {
      best = distance;
      near = known->Familiar();
    }
  }
  return near;
}

std::unexpected<Error> NoSuchImage(const core::Layout& layout, std::string_view asked) {
  Error error =
      MakeError(ErrorKind::kNotFound, fmt::format("no such image '{}'", asked.substr(0, 512)));
  error.subject = asked;
  if (std::string near = NearName(layout, asked); !near.empty()) {
    error.hint = fmt::format("did you mean '{}'?", near);
  }
  return Fail(std::move(error));
}

// The image that has `reference` among its repo digests; the one for this machine, where the digest
// is an index's and several platforms are here.
Result<std::optional<ImageRecord>> FindRepoDigest(const core::Layout& layout,
                                                  const Reference& reference) {
  TRY(auto records, ReadRecords(layout));
  std::string text = reference.WithDigest(reference.digest()).ToString();
  std::erase_if(records, [&](const ImageRecord& record) {
    return std::ranges::find(record.repo_digests, text) == record.repo_digests.end();
  });
  if (records.empty()) return std::nullopt;
  auto runs_here = [host = HostPlatform()](const ImageRecord& record) {
    return MatchRank(host, record.platform).has_value();
  };
  auto best = std::ranges::find_if(records, runs_here);
  return std::move(best != records.end() ? *best : records.front());
}

// By name; the record may go between the two reads when the name was just moved: look once more.
Result<std::optional<ResolvedImage>> ResolveName(const core::Layout& layout, Reference reference) {
  if (!reference.digest().empty()) reference = reference.WithDigest(reference.digest());
  for (int attempt = 0; attempt < 2; ++attempt) {
    TRY(auto ref, ReadRef(layout, reference));
    if (!ref) break;
    if (!ref->image.empty()) {
      TRY(auto record, ReadRecord(layout, ref->image));
      if (record) {
        return ResolvedImage{.record = *std::move(record),
                             .reference = std::move(ref->reference),
                             .of_list = ref->is_list};
      }
    }
    if (ref->is_list) {
      return Fail(MakeError(ErrorKind::kNotFound,
                            fmt::format("'{}' is a manifest list, and none of its images is here",
                                        reference.Familiar()))
                      .WithHint(fmt::format("hoy manifest inspect {}", reference.Familiar())));
    }
  }
  if (reference.digest().empty()) return std::nullopt;
  TRY(auto record, FindRepoDigest(layout, reference));
  if (!record) return std::nullopt;
  return ResolvedImage{.record = *std::move(record), .reference = reference.ToString()};
}

// The one image id that begins so.
Result<std::optional<Digest>> FindId(const core::Layout& layout, std::string_view id) {
  if (id.starts_with("sha256:")) id.remove_prefix(7);
  if (!IsHex(id) || id.size() > 64) return std::nullopt;
  if (id.size() == 64) return Digest::FromHex(id);
  TRY(auto names, core::ListDirectory(layout.ImageRecords()));
  auto first = std::ranges::lower_bound(names, id);
  if (first == names.end() || !first->starts_with(id)) return std::nullopt;
  auto second = std::next(first);
  if (second != names.end() && second->starts_with(id)) {
    return Fail(MakeError(ErrorKind::kConflict, fmt::format("image id '{}' is ambiguous", id))
                    .WithHint("give more of its digits"));
  }
  return Digest::FromHex(*first);
}

Result<std::optional<ImageRecord>> ResolveId(const core::Layout& layout, std::string_view id) {
  TRY(auto whole, FindId(layout, id));
  if (!whole) return std::nullopt;
  return ReadRecord(layout, *whole);
}

void SortOnce(std::vector<std::string>& texts) {
  std::ranges::sort(texts);
  texts.erase(std::ranges::unique(texts).begin(), texts.end());
}

Result<> WriteRef(const core::Layout& layout, const Reference& name, const Digest& target,
                  const Digest& image) {
  return core::WriteFileAtomically(
      RefPath(layout, name),
      EncodeRefRecord(
          {.reference = name.ToString(), .target = target, .image = image, .members = {}}),
      core::Durability::kDurable);
}

// An image that came alone may be what lists lack: the list `name`, when it still is `target`, or
// any, when it was pulled by its digest. True: `name` is that list, and stays one.
Result<bool> GiveToLists(const core::Layout& layout, const ImageRecord& record,
                         const Reference& name, const Digest& target) {
  std::vector<RefRecord> lists;
  if (name.digest().empty()) {
    auto ref = ReadRef(layout, name);
    // A damaged name is replaced, as a damaged record is.
    if (!ref && ref.error().kind != ErrorKind::kCorrupt) return Fail(std::move(ref).error());
    bool is_list = ref && *ref && (*ref)->is_list && (*ref)->target == target;
    if (is_list) lists.push_back(**std::move(ref));
  } else {
    TRY(lists, ReadRefs(layout));
  }
  for (RefRecord& list : lists) {
    bool changed = false;
    for (ListMember& member : list.members) {
      if (member.manifest != record.manifest || member.image == record.id) continue;
      member.image = record.id;
      changed = true;
    }
    if (!changed) continue;
    bool runs_here = MatchRank(HostPlatform(), record.platform).has_value();
    if (list.image.empty() || runs_here) list.image = record.id;
    TRY(Reference reference, Reference::Parse(list.reference));
    TRY(core::WriteFileAtomically(RefPath(layout, reference), EncodeRefRecord(list),
                                  core::Durability::kDurable));
  }
  return !lists.empty() && name.digest().empty();
}

}  // namespace

Result<ResolvedImage> ImageStore::Resolve(std::string_view name_or_id) const {
  auto reference = Reference::ParseWithDefaultTag(name_or_id);
  bool is_id = name_or_id.starts_with("sha256:");
  if (reference && !is_id) {
    TRY(auto image, ResolveName(layout_, *reference));
    if (image) return *std::move(image);
  }
  TRY(auto record, ResolveId(layout_, name_or_id));
  if (record) return ResolvedImage{.record = *std::move(record), .reference = {}};
  if (reference && !is_id && IsShortName(name_or_id)) {
    TRY(std::string full, ResolveShortName(name_or_id));
    TRY(auto behind_alias, Reference::ParseWithDefaultTag(full));
    if (behind_alias != *reference) {
      TRY(auto image, ResolveName(layout_, behind_alias));
      if (image) return *std::move(image);
    }
  }
  bool hexadecimal = IsHex(is_id ? name_or_id.substr(7) : name_or_id);
  if (!reference && !hexadecimal) return Fail(std::move(reference).error());
  return NoSuchImage(layout_, name_or_id);
}

Result<ResolvedImage> ImageStore::ResolveDamaged(std::string_view name_or_id) const {
  auto reference = Reference::ParseWithDefaultTag(name_or_id);
  if (reference && !name_or_id.starts_with("sha256:")) {
    if (!reference->digest().empty()) reference = reference->WithDigest(reference->digest());
    auto ref = ReadRef(layout_, *reference);
    if (!ref) return ResolvedImage{.record = {}, .reference = reference->ToString()};
    if (*ref) {
      return ResolvedImage{.record = {.id = (*ref)->image},
                           .reference = (*ref)->reference,
                           .of_list = (*ref)->is_list};
    }
  }
  TRY(auto id, FindId(layout_, name_or_id));
  if (!id) return NoSuchImage(layout_, name_or_id);
  return ResolvedImage{.record = {.id = *id}, .reference = {}};
}

Result<std::vector<ListedImage>> ImageStore::List(std::vector<Error>* damaged) const {
  // Names first: an image published between the two reads is then listed without its new name at
  // worst, and one removed between them is left out whole.
  std::vector<DamagedFile> damaged_files;
  TRY(auto refs, ReadRefs(layout_, &damaged_files));
  TRY(auto records, ReadRecords(layout_, &damaged_files));
  if (damaged != nullptr) {
    for (DamagedFile& file : damaged_files) damaged->push_back(std::move(file.error));
  }
  std::map<Digest, std::vector<std::string>> names;
  std::map<Digest, std::vector<std::string>> list_names;
  std::map<Digest, std::vector<std::string>> empty_lists;
  for (RefRecord& ref : refs) {
    for (const ListMember& member : ref.members) {
      if (member.image.empty() || member.image == ref.image) continue;
      list_names[member.image].push_back(ref.reference);
    }
    if (ref.image.empty()) {
      empty_lists[ref.target].push_back(std::move(ref.reference));
    } else {
      names[ref.image].push_back(std::move(ref.reference));
    }
  }
  // Pointers are sorted: a record is large.
  std::vector<ImageRecord*> order;
  order.reserve(records.size());
  for (ImageRecord& record : records) order.push_back(&record);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [](const ImageRecord* record) { return record->created; });
  std::vector<ListedImage> images;
  images.reserve(records.size());
  for (ImageRecord* newest : order) {
    ImageRecord& record = *newest;
    auto own = names.find(record.id);
    auto lists = list_names.find(record.id);
    ListedImage image{.record = std::move(record), .names = {}};
    if (own != names.end()) image.names = std::move(own->second);
    if (lists != list_names.end()) image.list_names = std::move(lists->second);
    std::ranges::sort(image.names);
    images.push_back(std::move(image));
  }
  for (auto& [digest, own] : empty_lists) {
    std::ranges::sort(own);
    images.push_back(
        {.record = {.id = digest, .manifest = digest}, .names = std::move(own), .is_list = true});
  }
  return images;
}

Result<ListedImage> ImageStore::Find(std::string_view name_or_id) const {
  TRY(ResolvedImage resolved, Resolve(name_or_id));
  ListedImage image{.record = std::move(resolved.record), .names = {}};
  TRY(auto refs, ReadRefs(layout_));
  for (RefRecord& ref : refs) {
    if (ref.image == image.record.id) {
      image.names.push_back(std::move(ref.reference));
    } else if (IsOf(ref, image.record.id)) {
      image.list_names.push_back(std::move(ref.reference));
    }
  }
  std::ranges::sort(image.names);
  return image;
}

std::string ImageStore::BlobPath(const Digest& digest) const {
  return layout_.Blobs() + "/" + digest.hex();
}

Result<bool> ImageStore::HasLayers(std::span<const std::string> chain_ids) const {
  auto are_there = [&] {
    return std::ranges::all_of(chain_ids, [&](const std::string& chain_id) {
      return core::Exists(layout_.LayerFiles(chain_id));
    });
  };
  if (are_there()) return true;
  TRY(Fd lock, LockImages(layout_.Images()));
  return are_there();
}

bool ImageStore::HasBlob(const Digest& digest) const {
  return core::Exists(BlobPath(digest));
}

Result<std::string> ImageStore::ReadBlob(const Digest& digest, size_t limit) const {
  return core::ReadFile(BlobPath(digest), limit);
}

Result<ImageConfig> ImageStore::ReadConfig(const ImageRecord& record) const {
  TRY(std::string bytes, ReadBlob(record.id));
  return ParseImageConfig(bytes);
}

Result<> ImageStore::WriteBlob(const Digest& digest, std::string_view bytes) const {
  return core::WriteFileAtomically(BlobPath(digest), bytes, core::Durability::kDurable);
}

Result<> ImageStore::Publish(ImageRecord record, const Reference& name,
                             const Digest& target) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(CheckContent(record));
  if (!target.empty()) record.repo_digests.push_back(name.WithDigest(target).ToString());
  // A damaged record is replaced: pulling again is how it is mended.
  auto known = ReadRecord(layout_, record.id);
  if (known && *known)
    std::ranges::copy((*known)->repo_digests, std::back_inserter(record.repo_digests));
  SortOnce(record.repo_digests);
  TRY(core::WriteFileAtomically(RecordPath(layout_, record.id), EncodeImageRecord(record),
                                core::Durability::kDurable));
  // "name:tag@digest" is kept under the digest alone, as docker does.
  const Reference& kept = name.digest().empty() ? name : name.WithDigest(name.digest());
  TRY(bool is_list, GiveToLists(layout_, record, kept, target));
  if (is_list) return {};
  return WriteRef(layout_, kept, target.empty() ? record.manifest : target, record.id);
}

Result<> ImageStore::PublishLocal(ImageRecord record, std::span<const Reference> names) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  auto known = ReadRecord(layout_, record.id);
  if (known && *known && CheckContent(**known)) {
    record = **std::move(known);
  } else {
    TRY(CheckContent(record));
    TRY(core::WriteFileAtomically(RecordPath(layout_, record.id), EncodeImageRecord(record),
                                  core::Durability::kDurable));
  }
  for (const Reference& name : names) TRY(WriteRef(layout_, name, record.manifest, record.id));
  return {};
}

// All that a record promises is here. The images lock or a lease is held.
Result<> ImageStore::CheckContent(const ImageRecord& record) const {
  for (const Digest& chain_id : record.chain_ids) {
    if (!core::Exists(LayerDirectory(layout_, chain_id))) {
      return Fail(ErrorKind::kCorrupt, "layer {} is missing", chain_id.Short());
    }
  }
  for (const Digest& blob : record.blobs) {
    if (!HasBlob(blob)) return Fail(ErrorKind::kCorrupt, "blob {} is missing", blob.Short());
  }
  return {};
}

Result<std::vector<DamagedImage>> ImageStore::FindDamaged() const {
  TRY(Fd lock, LockImages(layout_.Images()));
  std::vector<Error> errors;
  TRY(std::vector<ListedImage> images, List(&errors));
  std::vector<DamagedImage> damaged;
  for (Error& error : errors) damaged.push_back({ListedImage(), std::move(error)});
  for (ListedImage& image : images) {
    if (image.is_list) continue;
    auto whole = CheckContent(image.record);
    if (!whole) damaged.push_back({std::move(image), std::move(whole).error()});
  }
  return damaged;
}

Result<> ImageStore::Tag(std::string_view name_or_id, std::string_view name) const {
  TRY_CONTEXT_SET(Reference reference, Reference::ParseAsName(name), "tag '{}'", name);
  TRY(Fd lock, LockImages(layout_.Images()));
  if (auto old = Reference::ParseWithDefaultTag(name_or_id); old && old->digest().empty()) {
    TRY(auto list, ReadRef(layout_, *old));
    if (list && list->is_list) {
      list->reference = reference.ToString();
      return core::WriteFileAtomically(RefPath(layout_, reference), EncodeRefRecord(*list),
                                       core::Durability::kDurable);
    }
  }
  TRY(ResolvedImage image, Resolve(name_or_id));
  return WriteRef(layout_, reference, image.record.manifest, image.record.id);
}

}  // namespace hoy::oci
