// A list to a target: its entries first, then the index that refers to them (store_export.h).

#include <fcntl.h>

#include "core/sys/files.h"
#include "oci/image/index_edit.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/sha256.h"
#include "oci/transfer/store_export.h"
#include "oci/transfer/verified_source.h"

namespace hoy::oci {
namespace {

class ListExport {
 public:
  ListExport(const core::Layout& layout, const StoredList& list, ImageTarget& target)
      : layout_(layout), images_(layout), list_(list), target_(target), index_(list.bytes) {}

  Result<Descriptor> Run(const ExportNames& names, ListEntries entries) {
    for (size_t i = 0; entries == ListEntries::kAll && i < list_.members.size(); ++i) {
      const Descriptor& entry = list_.index.manifests[i];
      TRY(Descriptor sent, PutEntry(entry, list_.members[i]));
      if (sent.digest == entry.digest) continue;
      TRY(index_, ReplaceEntry(index_, entry.digest, sent));
    }
    OutgoingList list{.names = names.names, .tag = names.tag, .target = {}, .bytes = {}};
    std::string type = list_.index.media_type;
    bool is_docker = type == media_type::kDockerIndex;
    if (target_.format() && is_docker != (*target_.format() == ManifestFormat::kDocker)) {
      TRY(EditedManifest edited, ConvertIndex(index_, *target_.format()));
      index_ = std::move(edited.bytes);
      type = std::move(edited.media_type);
    }
    list.target = {.media_type = type,
                   .digest = Sha256Of(index_),
                   .size = static_cast<int64_t>(index_.size())};
    list.bytes = std::move(index_);
    TRY(target_.PutList(list));
    return list.target;
  }

 private:
  Result<Descriptor> PutEntry(const Descriptor& entry, const ListMember& member) {
    std::string what = entry.platform ? entry.platform->ToString() : entry.digest.Short();
    if (!member.image.empty()) {
      auto image = images_.Resolve(member.image.ToString());
      if (image) {
        image->record.manifest = entry.digest;
        TRY_CONTEXT_SET(Descriptor sent,
                        ExportImage(layout_, image->record, {.names = {}, .member = true}, target_),
                        "{}", what);
        return sent;
      }
      if (image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
    }
    if (!images_.HasBlob(entry.digest)) {
      return Fail(MakeError(ErrorKind::kNotFound,
                            fmt::format("its image for {} is not on this machine", what))
                      .WithHint("pull it with --all-platforms, or choose one with --platform"));
    }
    return PutOther(entry);
  }

  // An entry that is here as blobs only. What is no image has one form only.
  Result<Descriptor> PutOther(const Descriptor& entry) {
    OutgoingImage image{.names = {}, .member = true};
    TRY(image.manifest_bytes, images_.ReadBlob(entry.digest));
    TRY(BlobList list, ParseBlobList(image.manifest_bytes));
    for (const Descriptor& blob : list.blobs) {
      TRY(bool there, target_.HasBlob(blob));
      if (there || IsForeignLayerType(blob.media_type)) continue;
      std::string path = images_.BlobPath(blob.digest);
      TRY(Fd file, core::OpenAt(core::kCwd, path, O_RDONLY));
      FdSource stored(file, path);
      VerifiedSource source(stored, blob.digest);
      TRY(target_.PutBlob(blob, source));
    }
    image.target = {.media_type = list.media_type, .digest = entry.digest, .size = entry.size};
    if (target_.format() && ParseManifest(image.manifest_bytes)) {
      TRY(EditedManifest edited,
          ConvertManifest(std::move(image.manifest_bytes), *target_.format()));
      image.manifest_bytes = std::move(edited.bytes);
      image.target = {.media_type = std::move(edited.media_type),
                      .digest = Sha256Of(image.manifest_bytes),
                      .size = static_cast<int64_t>(image.manifest_bytes.size())};
    }
    TRY(target_.PutImage(image));
    return image.target;
  }

  const core::Layout& layout_;
  ImageStore images_;
  const StoredList& list_;
  ImageTarget& target_;
  std::string index_;  // as it is sent
};

}  // namespace

Result<Descriptor> ExportList(const core::Layout& layout, const StoredList& list,
                              const ExportNames& names, ImageTarget& target, ListEntries entries) {
  return ListExport(layout, list, target).Run(names, entries);
}

}  // namespace hoy::oci
