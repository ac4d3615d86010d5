#include "oci/transfer/list_import.h"

#include <unistd.h>

#include <set>

#include "core/sys/files.h"
#include "oci/layer/sha256.h"
#include "oci/transfer/keeping_source.h"
#include "oci/transfer/temp_blob.h"

namespace hoy::oci {
namespace {

class ListImport {
 public:
  ListImport(const core::Layout& layout, ImageSource& source, const OfferedImage& image,
             const ImportOptions& options)
      : layout_(layout), source_(source), image_(image), options_(options), images_(layout) {}

  Result<ImportedImage> Run(const std::string& bytes, const Index& index,
                            const std::vector<Platform>& platforms) {
    const OfferedImage& image = image_;
    std::set<Digest> chosen;
    for (const Platform& platform : platforms) {
      TRY(Descriptor entry, SelectPlatform(index, platform));
      chosen.insert(entry.digest);
    }
    auto is_chosen = [&](const Descriptor& entry) {
      return platforms.empty() || chosen.contains(entry.digest);
    };
    // All or none is let in. What an index in the index leads to is asked for later.
    for (const Descriptor& entry : index.manifests) {
      if (!options_.admit || !is_chosen(entry) || IsIndexType(entry.media_type)) continue;
      TRY_CONTEXT(options_.admit(image_, entry.digest), "{}", NameOf(entry));
    }
    TRY(PullLease lease, images_.BeginPull());
    NewList list{.name = {},
                 .digest = image.target.digest,
                 .bytes = bytes,
                 .members = {},
                 .expected = std::nullopt,
                 .repo_digest = {},
                 .absorbed = {}};
    for (const Descriptor& entry : index.manifests) {
      ListMember member{.manifest = entry.digest};
      if (is_chosen(entry)) {
        TRY(member, ImportEntry(entry, lease));
      }
      list.members.push_back(std::move(member));
    }
    ImportedImage imported{.id = image.target.digest, .manifest = image.target.digest};
    for (const Reference& name : image.names) {
      TRY(auto known, images_.FindList(name.ToString()));
      if (!known || known->digest != list.digest) imported.changed = true;
      list.name = name;
      TRY(images_.PublishList(list));
      imported.names.push_back(name.Familiar());
    }
    return imported;
  }

 private:
  static std::string NameOf(const Descriptor& entry) {
    return entry.platform ? entry.platform->ToString() : entry.digest.Short();
  }

  Result<ListMember> ImportEntry(const Descriptor& entry, PullLease& lease) {
    ListMember member{.manifest = entry.digest};
    std::string what = NameOf(entry);
    if (entry.platform && entry.platform->os == "unknown") {
      if (image_.names.empty()) return member;  // no list will be there to hold it
      TRY_CONTEXT_SET(member.blobs, ImportOther(entry, lease), "{}", what);
      return member;
    }
    ImportOptions options = options_;
    if (entry.platform) options.platform = *entry.platform;
    options.platform_asked = false;
    // Each is let in, or not, under the name of the list.
    if (options_.admit) {
      options.admit = [this](const OfferedImage&, const Digest& manifest) {
        return options_.admit(image_, manifest);
      };
    }
    auto imported = ImportImage(layout_, source_, {.names = {}, .target = entry}, options);
    if (imported) {
      member.image = imported->id;
      return member;
    }
    if (imported.error().kind != ErrorKind::kUnsupported) {
      return Fail(std::move(imported).error().InContext(what));
    }
    if (options_.warn) {
      options_.warn(fmt::format("{} is left out: {}", what, imported.error().message));
    }
    return member;
  }

  Result<std::vector<Digest>> ImportOther(const Descriptor& entry, PullLease& lease) {
    TRY(std::string bytes, source_.ReadDocument(entry));
    TRY(BlobList list, ParseBlobList(bytes));
    std::vector<Digest> blobs = {entry.digest};
    for (const Descriptor& blob : list.blobs) blobs.push_back(blob.digest);
    TRY(lease.Protect(blobs, {}));
    for (const Descriptor& blob : list.blobs) {
      if (!images_.HasBlob(blob.digest)) TRY(CopyBlob(blob));
    }
    TRY(images_.WriteBlob(entry.digest, bytes));
    blobs.erase(blobs.begin());
    return blobs;
  }

  Result<> CopyBlob(const Descriptor& blob) {
    TRY(std::unique_ptr<SourceBlob> from, source_.OpenBlob(blob));
    TRY(TempBlob temp, TempBlob::Make(layout_));
    Sha256 hash;
    KeepingSource source(*from, temp.fd().get(), &hash);
    std::vector<std::byte> buffer(256 << 10);
    while (true) {
      TRY(size_t count, source.Read(buffer));
      if (count == 0) break;
    }
    if (Digest got = hash.Finish(); got != blob.digest) {
      return Fail(ErrorKind::kCorrupt, "blob {} has the digest {}", blob.digest.ToString(),
                  got.ToString());
    }
    if (fsync(temp.fd().get()) != 0) return FailErrno("sync", temp.path());
    return temp.Publish(layout_, blob.digest);
  }

  const core::Layout& layout_;
  ImageSource& source_;
  const OfferedImage& image_;
  const ImportOptions& options_;
  ImageStore images_;
};

}  // namespace

Result<ImportedImage> ImportList(const core::Layout& layout, ImageSource& source,
                                 const OfferedImage& image, const std::vector<Platform>& platforms,
                                 const ImportOptions& options) {
  TRY(std::string bytes, source.ReadDocument(image.target));
  TRY(ManifestOrIndex document, ParseManifestOrIndex(bytes, image.target.media_type));
  if (auto* index = std::get_if<Index>(&document)) {
    return ListImport(layout, source, image, options).Run(bytes, *index, platforms);
  }
  ImportOptions single = options;
  if (!platforms.empty()) {
    single.platform = platforms.front();
    single.platform_asked = true;
  }
  return ImportImage(layout, source, image, single);
}

}  // namespace hoy::oci
