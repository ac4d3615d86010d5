// How images go: docker's rmi rules, then what nobody needs any more.

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/image/image_files.h"
#include "oci/image/image_store.h"
#include "oci/image/layer_directory.h"
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
    TRY(auto refs, ReadRefs(layout_));
    for (RefRecord& ref : refs) {
      if (ref.image == record_.id) names_.push_back(std::move(ref.reference));
    }
    return {};
  }

  const std::vector<std::string>& names() const { return names_; }
  RemovedImage TakeResult() { return std::move(removed_); }
  std::vector<LockedDirectory> TakeTrash() { return std::move(trash_); }

  const ImageUser* FindUser(bool running) const {
    for (const ImageUser& user : users_) {
      if (user.image == record_.id && user.running == running) return &user;
    }
    return nullptr;
  }

  // Removes one name (a tag, or a digest) and, with a repository's last name, its repo digests.
  Result<> DropName(const std::string& name) {
    TRY(Reference reference, Reference::Parse(name));
    TRY(core::Unlink(RefPath(layout_, reference)));
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
    return core::SyncDirectory(layout_.ImageRefs());
  }

  Result<> SaveRecord() {
    if (!record_changed_) return {};
    return core::WriteFileAtomically(RecordPath(layout_, record_.id), EncodeImageRecord(record_),
                                     core::Durability::kDurable);
  }

  // The record, then the blobs and layers that only this image needed.
  Result<> DropImage() {
    TRY(core::Unlink(RecordPath(layout_, record_.id)));
    TRY(core::SyncDirectory(layout_.ImageRecords()));
    removed_.deleted.push_back(record_.id);
    TRY(Leased needed, ReadNeeded(layout_, users_));
    for (const Digest& blob : record_.blobs) {
      if (!needed.blobs.contains(blob)) TRY(core::Unlink(layout_.Blobs() + "/" + blob.hex()));
    }
    for (auto chain = record_.chain_ids.rbegin(); chain != record_.chain_ids.rend(); ++chain) {
      if (needed.chain_ids.contains(*chain)) continue;
      TRY(DropLayer(*chain));
    }
    return {};
  }

 private:
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
  std::vector<std::string> names_;
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
  if (last && !force) {
    const ImageUser* user = running != nullptr ? running : removal.FindUser(false);
    if (user != nullptr) {
      return InUse(fmt::format("remove '{}'", Familiar(name)), *user,
                   "remove the container first, or use --force");
    }
  }
  TRY(removal.DropName(name));
  if (last && running == nullptr) return removal.DropImage();
  return removal.SaveRecord();
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
  }
  std::vector<std::string> names = removal.names();
  for (const std::string& name : names) TRY(removal.DropName(name));
  return removal.DropImage();
}

}  // namespace

Result<RemovedImage> ImageStore::Remove(std::string_view name_or_id, bool force,
                                        std::span<const ImageUser> users) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(ResolvedImage image, Resolve(name_or_id));
  Digest id = image.record.id;
  Removal removal(layout_, std::move(image.record), users);
  TRY(removal.LoadNames());
  if (image.reference.empty()) {
    TRY(RemoveById(removal, id, force));
  } else {
    TRY(RemoveByName(removal, image.reference, force));
  }
  lock.reset();
  // Trees take long to delete: without the lock.
  TRY(DeleteLayers(removal.TakeTrash()));
  RemoveDeadLayerDirectories(layout_);
  return removal.TakeResult();
}

Result<RemovedImage> ImageStore::Untag(std::string_view name) const {
  TRY(Fd lock, LockImages(layout_.Images()));
  TRY(ResolvedImage image, Resolve(name));
  if (image.reference.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is an image id, not a name", name);
  }
  Removal removal(layout_, std::move(image.record), {});
  TRY(removal.LoadNames());
  TRY(removal.DropName(image.reference));
  TRY(removal.SaveRecord());
  return removal.TakeResult();
}

Result<std::vector<Digest>> ImageStore::CollectGarbage(std::span<const ImageUser> users) const {
  std::vector<Digest> removed;
  std::vector<LockedDirectory> trash;
  {
    TRY(Fd lock, LockImages(layout_.Images()));
    TRY(Leased needed, ReadNeeded(layout_, users));
    for (const std::string& directory :
         {layout_.ImageRefs(), layout_.ImageRecords(), layout_.Blobs()}) {
      core::RemoveStaleTemps(directory);
    }
    TRY(auto blobs, core::ListDirectory(layout_.Blobs()));
    for (const std::string& name : blobs) {
      if (name.size() != 64 || !IsHex(name)) continue;
      if (!needed.blobs.contains(Digest::FromHex(name))) {
        TRY(core::Unlink(layout_.Blobs() + "/" + name));
      }
    }
    TRY(auto layers, core::ListDirectory(layout_.Layers()));
    for (const std::string& name : layers) {
      if (name.size() != 64 || !IsHex(name)) continue;
      Digest chain_id = Digest::FromHex(name);
      if (needed.chain_ids.contains(chain_id)) continue;
      TRY(LockedDirectory aside, MoveLayerAside(layout_, chain_id));
      trash.push_back(std::move(aside));
      removed.push_back(std::move(chain_id));
    }
  }
  TRY(DeleteLayers(std::move(trash)));
  RemoveDeadLayerDirectories(layout_);
  return removed;
}

}  // namespace hoy::oci
