// Many images go at once: what is needed by others is worked out once for all of them.

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "core/sys/files.h"
#include "oci/image/image_files.h"
#include "oci/image/image_store.h"
#include "oci/image/images_in_use.h"
#include "oci/image/layer_directory.h"
#include "oci/image/layer_info.h"
#include "oci/image/layer_path.h"

namespace hoy::oci {
namespace {

std::string Familiar(const std::string& canonical) {
  auto reference = Reference::Parse(canonical);
  return reference ? reference->Familiar() : canonical;
}

struct Doomed {
  ImageRecord record;
  std::vector<std::string> names;
};

class Pruning {
 public:
  Pruning(const core::Layout& layout, std::span<const ImageUser> users, const PruneOptions& options)
      : layout_(layout), users_(users), options_(options), dry_run_(options.dry_run) {}

  // Under the images lock. Names, then records, then what they needed: as Remove does it.
  Result<> Run(std::span<const Digest> images) {
    TRY(Collect(images));
    // What cannot be read is said before a name is gone.
    TRY(Leased needed, ReadNeeded(layout_, users_, ids_, unlinked_));
    for (const Doomed& image : doomed_) {
      pruned_.images.push_back({.untagged = {}, .deleted = {image.record.id}});
      for (const std::string& name : image.names) {
        pruned_.images.back().untagged.push_back(Familiar(name));
        if (dry_run_) continue;
        TRY(Reference reference, Reference::Parse(name));
        TRY(core::Unlink(RefPath(layout_, reference)));
      }
    }
    if (!dry_run_) {
      TRY(core::SyncDirectory(layout_.ImageRefs()));
      for (const Doomed& image : doomed_) {
        TRY(core::Unlink(RecordPath(layout_, image.record.id)));
      }
      TRY(core::SyncDirectory(layout_.ImageRecords()));
    }
    return DropContent(std::move(needed));
  }

  PrunedImages TakeResult() { return std::move(pruned_); }
  std::vector<LockedDirectory> TakeTrash() { return std::move(trash_); }

 private:
  Result<> Collect(std::span<const Digest> images) {
    std::vector<DamagedFile> damaged;
    TRY(auto refs, ReadRefs(layout_, &damaged));
    // It may be the name of one that seems to have none.
    if (options_.dangling_only && !damaged.empty()) {
      return Fail(std::move(damaged.front().error));
    }
    for (const Digest& id : images) {
      if (ids_.contains(id) ||
          std::ranges::any_of(users_, [&](const ImageUser& user) { return user.image == id; })) {
        continue;
      }
      TRY(auto record, ReadRecord(layout_, id));
      if (!record) continue;  // someone else was faster
      Doomed image{.record = *std::move(record), .names = {}};
      bool of_used_list = false;
      bool of_list = false;
      for (const RefRecord& ref : refs) {
        if (ref.image == id) image.names.push_back(ref.reference);
        if (!ref.is_list || !IsOf(ref, id)) continue;
        of_list = true;
        of_used_list = of_used_list || IsUsed(ref, images);
      }
      if (of_used_list || (options_.dangling_only && (of_list || !image.names.empty()))) continue;
      for (const RefRecord& ref : refs) {
        if (ref.is_list && ref.image == id) {
          std::ranges::copy(BlobsOfList(ref), std::back_inserter(image.record.blobs));
        }
      }
      std::ranges::sort(image.names);
      ids_.insert(id);
      unlinked_.insert(image.names.begin(), image.names.end());
      doomed_.push_back(std::move(image));
    }
    return {};
  }

  // A list stays whole as long as one of its images does.
  bool IsUsed(const RefRecord& list, std::span<const Digest> images) const {
    return std::ranges::any_of(list.members, [&](const ListMember& member) {
      if (member.image.empty()) return false;
      return std::ranges::find(images, member.image) == images.end() ||
             std::ranges::any_of(users_,
                                 [&](const ImageUser& user) { return user.image == member.image; });
    });
  }

  Result<> DropContent(Leased needed) {
    if (needed.everything) return {};
    for (size_t i = 0; i < doomed_.size(); ++i) {
      const ImageRecord& record = doomed_[i].record;
      for (const Digest& blob : record.blobs) {
        if (needed.blobs.insert(blob).second) TRY(DropBlob(blob));
      }
      for (auto chain = record.chain_ids.rbegin(); chain != record.chain_ids.rend(); ++chain) {
        if (needed.chain_ids.insert(*chain).second) TRY(DropLayer(*chain, pruned_.images[i]));
      }
    }
    return {};
  }

  Result<> DropBlob(const Digest& blob) {
    std::string path = layout_.Blobs() + "/" + blob.hex();
    struct stat status{};
    if (lstat(path.c_str(), &status) == 0) pruned_.reclaimed += status.st_size;
    return dry_run_ ? Result<>{} : core::Unlink(path);
  }

  Result<> DropLayer(const Digest& chain_id, RemovedImage& image) {
    if (!core::Exists(LayerDirectory(layout_, chain_id))) return {};
    pruned_.reclaimed += static_cast<int64_t>(LayerFileBytes(layout_, chain_id));
    image.deleted.push_back(chain_id);
    if (dry_run_) return {};
    TRY(LockedDirectory aside, MoveLayerAside(layout_, chain_id));
    trash_.push_back(std::move(aside));
    return {};
  }

  const core::Layout& layout_;
  std::span<const ImageUser> users_;
  const PruneOptions& options_;
  bool dry_run_;
  std::set<Digest> ids_;
  std::set<std::string> unlinked_;  // names that go
  std::vector<Doomed> doomed_;
  PrunedImages pruned_;
  std::vector<LockedDirectory> trash_;
};

}  // namespace

Result<PrunedImages> ImageStore::Prune(std::span<const Digest> images,
                                       const ListImageUsers& list_users,
                                       const PruneOptions& options) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(std::vector<ImageUser> users, AskForUsers(list_users));
  Pruning pruning(layout_, users, options);
  TRY(pruning.Run(images));
  std::vector<LockedDirectory> trash = pruning.TakeTrash();
  TRY(std::set<Digest> kept, KeepLayersInUse(layout_, list_users, trash));
  lock.reset();
  // Trees take long to delete: without the lock.
  TRY(DeleteLayers(trash));
  PrunedImages pruned = pruning.TakeResult();
  for (const Digest& chain_id : kept) {
    pruned.reclaimed -= static_cast<int64_t>(LayerFileBytes(layout_, chain_id));
  }
  for (RemovedImage& image : pruned.images) {
    std::erase_if(image.deleted, [&](const Digest& digest) { return kept.contains(digest); });
  }
  return pruned;
}

}  // namespace hoy::oci
