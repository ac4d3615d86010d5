// How images go: docker's rmi rules, then what nobody needs any more.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/base/fail_point.h"
#include "core/base/text.h"
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

std::string RepositoryOf(const std::string& canonical) {
  auto reference = Reference::Parse(canonical);
  return reference ? reference->Name() : canonical;
}

std::string ShortContainer(const ImageUser& user) {
  return user.container_id.substr(0, 12);
}

// One removal, under the images lock.
class Removal {
 public:
  Removal(const core::Layout& layout, ImageRecord record, std::span<const ImageUser> users)
      : layout_(layout), record_(std::move(record)), users_(users) {}

  Result<> LoadNames() {
    TRY(refs_, ReadRefs(layout_));
    for (const RefRecord& ref : refs_) {
      if (!record_.id.empty() && ref.image == record_.id) names_.push_back(ref.reference);
      if (ref.image != record_.id && IsOf(ref, record_.id)) list_names_.push_back(ref.reference);
    }
    return {};
  }

  // A list of which nothing is here has no record, but a name.
  void TakeListName(const std::string& name) { names_ = {name}; }

  const std::vector<std::string>& names() const { return names_; }
  // Lists that hold the image for another platform than the one they mean here.
  const std::vector<std::string>& list_names() const { return list_names_; }
  bool HeldByList() const { return !list_names_.empty(); }
  RemovedImage TakeResult() { return std::move(removed_); }
  std::vector<LockedDirectory> TakeTrash() { return std::move(trash_); }

  const ImageUser* FindUser(bool running) const { return FindUser(record_.id, running); }
  // Of an image that goes with the list `name`, its last name.
  const ImageUser* FindListUser(const std::string& name, bool running) const {
    for (const Digest& image : OnlyIn(name)) {
      if (const ImageUser* user = FindUser(image, running)) return user;
    }
    return nullptr;
  }

  // Removes one name (a tag, or a digest) and, with a repository's last name, its repo digests.
  Result<> DropName(const std::string& name) {
    TRY(Reference reference, Reference::Parse(name));
    for (const Digest& image : OnlyIn(name)) {
      if (image != record_.id) orphans_.insert(image);
    }
    TRY(core::Unlink(RefPath(layout_, reference)));
    for (const RefRecord& ref : refs_) {
      if (ref.reference == name && ref.is_list) TRY(DropUnneededBlobs(layout_, BlobsOfList(ref)));
    }
    std::erase_if(refs_, [&](const RefRecord& ref) { return ref.reference == name; });
    std::erase(names_, name);
    removed_.untagged.push_back(Familiar(name));
    std::string repository = reference.Name();
    bool last = std::ranges::none_of(
        names_, [&](const std::string& other) { return RepositoryOf(other) == repository; });
    std::vector<std::string> kept;
    std::set<std::string> told;  // an older record may hold a digest twice
    for (const std::string& digest : record_.repo_digests) {
      bool drop = digest == name || (last && RepositoryOf(digest) == repository);
      if (!drop) {
        kept.push_back(digest);
      } else if (digest != name && told.insert(digest).second) {
        removed_.untagged.push_back(Familiar(digest));
      }
    }
    if (kept.size() != record_.repo_digests.size()) {
      record_.repo_digests = std::move(kept);
      record_changed_ = true;
    }
    TRY(core::SyncDirectory(layout_.ImageRefs()));
    FailPoint("image-untagged");
    return {};
  }

  Result<> SaveRecord() {
    if (!record_changed_) return {};
    return core::WriteFileAtomically(RecordPath(layout_, record_.id), EncodeImageRecord(record_),
                                     core::Durability::kDurable);
  }

  // The images for other platforms that a list's name was the last to hold. One that a container
  // uses stays.
  Result<> DropOrphans() {
    for (const Digest& image : orphans_) {
      if (FindUser(image, true) != nullptr || FindUser(image, false) != nullptr) continue;
      auto record = ReadRecord(layout_, image);
      bool damaged = !record && record.error().kind == ErrorKind::kCorrupt;
      if (!record && !damaged) return Fail(std::move(record).error());
      if (record && !*record) continue;
      record_ = damaged ? ImageRecord{.id = image} : **std::move(record);
      TRY(DropImage());
    }
    return {};
  }

  // The record, then the blobs and layers that only this image needed.
  Result<> DropImage() {
    if (record_.id.empty()) return {};
    TRY(Leased needed, ReadNeeded(layout_, users_, {record_.id}));
    TRY(core::Unlink(RecordPath(layout_, record_.id)));
    TRY(core::SyncDirectory(layout_.ImageRecords()));
    FailPoint("image-unrecorded");
    removed_.deleted.push_back(record_.id);
    for (const Digest& blob : record_.blobs) {
      if (!needed.HasBlob(blob)) TRY(core::Unlink(layout_.Blobs() + "/" + blob.hex()));
    }
    FailPoint("image-blobs-removed");
    for (auto chain = record_.chain_ids.rbegin(); chain != record_.chain_ids.rend(); ++chain) {
      if (needed.HasLayer(*chain)) continue;
      TRY(DropLayer(*chain));
    }
    return {};
  }

 private:
  const ImageUser* FindUser(const Digest& image, bool running) const {
    if (image.empty()) return nullptr;  // as a container of --rootfs has it
    for (const ImageUser& user : users_) {
      if (user.image == image && user.running == running) return &user;
    }
    return nullptr;
  }

  // Images that are here as the list `name`'s and have no other name.
  std::vector<Digest> OnlyIn(const std::string& name) const {
    std::vector<Digest> images;
    for (const RefRecord& list : refs_) {
      if (list.reference != name) continue;
      for (const ListMember& member : list.members) {
        bool elsewhere = std::ranges::any_of(refs_, [&](const RefRecord& ref) {
          return ref.reference != name && IsOf(ref, member.image);
        });
        if (!member.image.empty() && !elsewhere) images.push_back(member.image);
      }
    }
    return images;
  }

  Result<> DropLayer(const Digest& chain_id) {
    auto aside = MoveLayerAside(layout_, chain_id);
    if (aside) {
      trash_.push_back(*std::move(aside));
      removed_.deleted.push_back(chain_id);
      return {};
    }
    if (aside.error().kind == ErrorKind::kNotFound) return {};
    return Fail(std::move(aside).error());
  }

  const core::Layout& layout_;
  ImageRecord record_;
  std::span<const ImageUser> users_;
  std::vector<RefRecord> refs_;  // that are still there
  std::vector<std::string> names_;
  std::vector<std::string> list_names_;
  std::set<Digest> orphans_;
  bool record_changed_ = false;
  RemovedImage removed_;
  std::vector<LockedDirectory> trash_;
};

std::unexpected<Error> InUse(std::string_view what, const ImageUser& user, std::string hint) {
  return Fail(MakeError(ErrorKind::kConflict,
                        fmt::format("{}: {} container {} uses the image", what,
                                    user.running ? "running" : "stopped", ShortContainer(user)))
                  .WithHint(std::move(hint)));
}

Result<> RemoveByName(Removal& removal, const std::string& name, bool force) {
  bool last = std::ranges::none_of(removal.names(),
                                   [&](const std::string& other) { return other != name; });
  const ImageUser* running = removal.FindUser(true);
  if (!force) {
    const ImageUser* user = nullptr;
    if (last) user = running != nullptr ? running : removal.FindUser(false);
    if (user == nullptr) user = removal.FindListUser(name, true);
    if (user == nullptr) user = removal.FindListUser(name, false);
    if (user != nullptr) {
      return InUse(fmt::format("remove '{}'", Familiar(name)), *user,
                   "remove the container first, or use --force");
    }
  }
  TRY(removal.DropName(name));
  TRY(last && running == nullptr && !removal.HeldByList() ? removal.DropImage()
                                                          : removal.SaveRecord());
  return removal.DropOrphans();
}

Result<> RemoveById(Removal& removal, const Digest& id, bool force) {
  std::string what = fmt::format("remove image {}", id.Short());
  if (const ImageUser* user = removal.FindUser(true)) {
    return InUse(what, *user, "stop and remove the container first");
  }
  if (!force) {
    if (removal.names().size() > 1) {
      return Fail(MakeError(ErrorKind::kConflict, what + ": it has several names")
                      .WithHint("remove the names one by one, or use --force"));
    }
    if (const ImageUser* user = removal.FindUser(false)) {
      return InUse(what, *user, "remove the container first, or use --force");
    }
    if (!removal.list_names().empty()) {
      return Fail(
          MakeError(ErrorKind::kConflict, fmt::format("{}: it belongs to the list '{}'", what,
                                                      Familiar(removal.list_names().front())))
              .WithHint("remove the list, or use --force"));
    }
  }
  std::vector<std::string> names = removal.names();
  for (const std::string& name : names) TRY(removal.DropName(name));
  TRY(removal.DropImage());
  return removal.DropOrphans();
}

// What `name_or_id` means; of a list without images here, only the reference is set, and of what is
// damaged only what is known.
Result<ResolvedImage> ResolveForRemoval(const ImageStore& store, std::string_view name_or_id) {
  auto image = store.Resolve(name_or_id);
  if (!image && image.error().kind == ErrorKind::kCorrupt) return store.ResolveDamaged(name_or_id);
  if (image || image.error().kind != ErrorKind::kNotFound) return image;
  TRY(auto list, store.FindList(name_or_id));
  if (!list) return image;
  return ResolvedImage{.record = {}, .reference = list->reference, .of_list = true};
}

}  // namespace

Result<RemovedImage> ImageStore::Remove(std::string_view name_or_id, bool force,
                                        const ListImageUsers& list_users) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(std::vector<ImageUser> users, AskForUsers(list_users));
  TRY(ResolvedImage image, ResolveForRemoval(*this, name_or_id));
  Digest id = image.record.id;
  Removal removal(layout_, std::move(image.record), users);
  TRY(removal.LoadNames());
  if (id.empty()) removal.TakeListName(image.reference);
  // What cannot be read is said before a name is gone.
  TRY(ReadNeeded(layout_, users));
  if (image.reference.empty()) {
    TRY(RemoveById(removal, id, force));
  } else {
    TRY(RemoveByName(removal, image.reference, force));
  }
  std::vector<LockedDirectory> trash = removal.TakeTrash();
  FailPoint("image-layers-aside");
  TRY(std::set<Digest> kept, KeepLayersInUse(layout_, list_users, trash));
  TRY(std::vector<LockedDirectory> dead, TakeDeadLayers(layout_, list_users));
  lock.reset();
  // Trees take long to delete: without the lock.
  TRY(DeleteLayers(trash));
  (void)DeleteLayers(dead);
  RemoveDeadStaging(layout_);
  RemovedImage removed = removal.TakeResult();
  std::erase_if(removed.deleted, [&](const Digest& digest) { return kept.contains(digest); });
  return removed;
}

Result<RemovedImage> ImageStore::Untag(std::string_view name) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(ResolvedImage image, ResolveForRemoval(*this, name));
  if (image.reference.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is an image id, not a name", name);
  }
  bool empty_list = image.record.id.empty();
  Removal removal(layout_, std::move(image.record), {});
  TRY(removal.LoadNames());
  if (empty_list) removal.TakeListName(image.reference);
  TRY(removal.DropName(image.reference));
  TRY(removal.SaveRecord());
  return removal.TakeResult();
}

namespace {

struct Unneeded {
  std::vector<std::string> files;  // blobs, and what is left of downloads
  std::vector<Fd> held;            // the latter's locks: nobody goes on with them meanwhile
  std::vector<Digest> layers;
  int64_t bytes = 0;
};

// What is left of downloads: the pull that still works on one holds its lock. Temporary files have
// no future: what a dead process had begun is begun anew.
Result<> FindPartials(const std::string& ingest, core::Timestamp before, Unneeded& unneeded) {
  TRY(auto names, core::ListDirectory(ingest));
  for (const std::string& name : names) {
    std::string path = ingest + "/" + name;
    auto partial = core::OpenAt(core::kCwd, path, O_RDONLY | O_NOFOLLOW);
    if (!partial && partial.error().system_errno == ENOENT) continue;
    if (!partial) return Fail(std::move(partial).error());
    TRY(bool idle, core::TryLockFile(*partial, core::LockMode::kExclusive));
    struct stat status{};
    if (!idle || fstat(partial->get(), &status) != 0) continue;
    bool goes_on = name.ends_with(".partial");
    if (goes_on && status.st_mtim.tv_sec * core::kSecond > before) continue;
    unneeded.files.push_back(std::move(path));
    unneeded.held.push_back(*std::move(partial));
    unneeded.bytes += status.st_size;
  }
  return {};
}

// The images lock is held.
Result<Unneeded> FindUnneeded(const core::Layout& layout, const ListImageUsers& list_users,
                              core::Timestamp partials_before) {
  Unneeded unneeded;
  TRY(std::vector<ImageUser> users, AskForUsers(list_users));
  TRY(Leased needed, ReadNeeded(layout, users));
  TRY(FindPartials(layout.Ingest(), partials_before, unneeded));
  if (needed.everything) return unneeded;
  TRY(auto blobs, core::ListDirectory(layout.Blobs()));
  for (const std::string& name : blobs) {
    if (name.size() != 64 || !IsHex(name)) continue;
    if (needed.blobs.contains(Digest::FromHex(name))) continue;
    struct stat status{};
    std::string path = layout.Blobs() + "/" + name;
    if (lstat(path.c_str(), &status) == 0) unneeded.bytes += status.st_size;
    unneeded.files.push_back(std::move(path));
  }
  TRY(auto layers, core::ListDirectory(layout.Layers()));
  for (const std::string& name : layers) {
    if (name.size() != 64 || !IsHex(name)) continue;
    Digest chain_id = Digest::FromHex(name);
    if (!needed.chain_ids.contains(chain_id)) unneeded.layers.push_back(std::move(chain_id));
  }
  return unneeded;
}

}  // namespace

Result<Garbage> ImageStore::FindGarbage(const ListImageUsers& list_users,
                                        core::Timestamp partials_before) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(Unneeded unneeded, FindUnneeded(layout_, list_users, partials_before));
  Garbage garbage{.layers = std::move(unneeded.layers), .bytes = unneeded.bytes};
  for (const Digest& layer : garbage.layers) {
    garbage.bytes += static_cast<int64_t>(LayerFileBytes(layout_, layer));
  }
  return garbage;
}

Result<Garbage> ImageStore::CollectGarbage(const ListImageUsers& list_users,
                                           core::Timestamp partials_before) const {
  Garbage garbage;
  std::vector<LockedDirectory> trash;
  std::vector<LockedDirectory> dead;
  std::map<Digest, uint64_t> layer_bytes;
  {
    TRY(Fd lock, LockImages(layout_.Images()));
    for (const std::string& directory :
         {layout_.ImageRefs(), layout_.ImageRecords(), layout_.Blobs()}) {
      core::RemoveStaleTemps(directory);
    }
    TRY(Unneeded unneeded, FindUnneeded(layout_, list_users, partials_before));
    // First: what it puts back for a container is in use.
    TRY(dead, TakeDeadLayers(layout_, list_users));
    for (const std::string& path : unneeded.files) TRY(core::Unlink(path));
    garbage.bytes = unneeded.bytes;
    for (const Digest& chain_id : unneeded.layers) {
      layer_bytes[chain_id] = LayerFileBytes(layout_, chain_id);
      TRY(LockedDirectory aside, MoveLayerAside(layout_, chain_id));
      trash.push_back(std::move(aside));
    }
    TRY(KeepLayersInUse(layout_, list_users, trash));
  }
  for (const LockedDirectory& layer : trash) {
    garbage.layers.push_back(layer.chain_id);
    garbage.bytes += static_cast<int64_t>(layer_bytes[layer.chain_id]);
  }
  TRY(DeleteLayers(trash));
  (void)DeleteLayers(dead);
  RemoveDeadStaging(layout_);
  return garbage;
}

}  // namespace hoy::oci
