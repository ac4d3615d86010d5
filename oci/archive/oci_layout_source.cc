// OCI image layouts (image-spec v1.1 image-layout.md) and skopeo's dir: both hold blobs by digest.

#include <algorithm>
#include <map>

#include "oci/archive/archive_codec.h"
#include "oci/archive/formats.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

// Opens blobs by their digest; `prefix` is where they are.
class BlobFiles : public ImageSource {
 public:
  BlobFiles(std::unique_ptr<FileSet> files, std::string prefix)
      : files_(std::move(files)), prefix_(std::move(prefix)) {}

  Result<std::string> ReadDocument(const Descriptor& document) override {
    return ReadFile(prefix_ + document.digest.hex(), document);
  }

  Result<std::unique_ptr<SourceBlob>> OpenBlob(const Descriptor& blob) override {
    std::string name = prefix_ + blob.digest.hex();
    auto size = files_->SizeOf(name);
    if (!size) return Fail(ErrorKind::kCorrupt, "blob {} is missing", blob.digest.ToString());
    if (*size != blob.size) return WrongSize(blob, *size);
    return files_->Open(name);
  }

 protected:
  FileSet& files() const { return *files_; }

  Result<std::string> ReadFile(const std::string& name, const Descriptor& document) {
    TRY_CONTEXT_SET(std::string bytes, files_->Read(name), "blob");
    if (static_cast<int64_t>(bytes.size()) != document.size) {
      return WrongSize(document, static_cast<int64_t>(bytes.size()));
    }
    if (Digest got = Sha256Of(bytes); got != document.digest) {
      return Fail(ErrorKind::kCorrupt, "blob {} has the digest {}", document.digest.ToString(),
                  got.ToString());
    }
    return bytes;
  }

 private:
  static std::unexpected<Error> WrongSize(const Descriptor& blob, int64_t size) {
    return Fail(ErrorKind::kCorrupt, "blob {} has {} bytes, its descriptor says {}",
                blob.digest.Short(), size, blob.size);
  }

  std::unique_ptr<FileSet> files_;
  std::string prefix_;
};

class OciLayout final : public BlobFiles {
 public:
  OciLayout(std::unique_ptr<FileSet> files, std::string_view title)
      : BlobFiles(std::move(files), "blobs/sha256/"), title_(title) {}

  std::string_view transport() const override { return files().in_tar() ? "oci-archive" : "oci"; }

  Result<std::vector<OfferedImage>> Images() override {
    TRY(std::string bytes, files().Read("index.json"));
    TRY(Index index, ParseLayoutIndex(bytes));
    std::map<std::string, Digest> named;
    std::vector<OfferedImage> images;
    for (Descriptor& entry : index.manifests) {
      // BuildKit's attestations are no images.
      if (entry.platform && entry.platform->os == "unknown") continue;
      auto name = NameOf(entry);
      if (name) {
        auto [known, added] = named.try_emplace(name->ToString(), entry.digest);
        if (!added && known->second != entry.digest) {
          return Fail(ErrorKind::kCorrupt, "index.json has two images named '{}'",
                      name->Familiar());
        }
      }
      auto same = std::ranges::find_if(
          images, [&](const OfferedImage& image) { return image.target.digest == entry.digest; });
      if (same == images.end()) {
        images.push_back({.names = {}, .target = std::move(entry)});
        same = std::prev(images.end());
      }
      if (name && std::ranges::find(same->names, *name) == same->names.end()) {
        same->names.push_back(*std::move(name));
      }
    }
    return images;
  }

 private:
  // "docker.io/library/app:1" as podman and docker write it, or a tag alone, as skopeo and umoci
  // do.
  std::optional<Reference> NameOf(const Descriptor& entry) const {
    for (const char* key : {kImageNameAnnotation, kRefNameAnnotation}) {
      auto annotation = entry.annotations.find(key);
      if (annotation == entry.annotations.end()) continue;
      const std::string& text = annotation->second;
      bool is_tag = text.find_first_of("/:@") == std::string::npos;
      if (is_tag && title_.empty()) continue;
      std::string name = text;
      if (is_tag) name = "localhost/" + title_ + ":" + text;
      auto reference = Reference::ParseWithDefaultTag(name);
      if (reference) return *std::move(reference);
    }
    return std::nullopt;
  }

  std::string title_;
};

class DirImage final : public BlobFiles {
 public:
  explicit DirImage(std::unique_ptr<FileSet> files) : BlobFiles(std::move(files), "") {}

  std::string_view transport() const override { return "dir"; }

  Result<std::vector<UntrustedSignature>> Signatures(const Digest& manifest) override {
    std::vector<UntrustedSignature> signatures;
    // As skopeo names those of the manifests below an index.
    const std::string below = manifest == manifest_digest_ ? "" : manifest.hex() + ".";
    for (size_t i = 1; i <= kMaxSignatures; ++i) {
      const std::string name = fmt::format("{}signature-{}", below, i);
      if (!files().Has(name)) break;
      TRY(std::string bytes, files().Read(name));
      TRY_CONTEXT_SET(UntrustedSignature signature, ParseSignatureFile(bytes), "'{}'", name);
      signatures.push_back(std::move(signature));
    }
    return signatures;
  }

  Result<std::vector<OfferedImage>> Images() override {
    TRY(manifest_, files().Read("manifest.json"));
    TRY(ManifestOrIndex parsed, ParseManifestOrIndex(manifest_, {}));
    manifest_digest_ = Sha256Of(manifest_);
    std::string type = std::visit([](const auto& document) { return document.media_type; }, parsed);
    Descriptor target{.media_type = std::move(type),
                      .digest = manifest_digest_,
                      .size = static_cast<int64_t>(manifest_.size())};
    return std::vector<OfferedImage>{{.names = {}, .target = std::move(target)}};
  }

  Result<std::string> ReadDocument(const Descriptor& document) override {
    if (document.digest == manifest_digest_) return manifest_;
    // As skopeo names the manifests below an index.
    std::string own = document.digest.hex() + ".manifest.json";
    if (files().Has(own)) return ReadFile(own, document);
    return BlobFiles::ReadDocument(document);
  }

 private:
  std::string manifest_;
  Digest manifest_digest_;
};

}  // namespace

Result<std::unique_ptr<ImageSource>> OpenOciLayout(std::unique_ptr<FileSet> files,
                                                   std::string_view title) {
  if (!files->Has("oci-layout")) {
    return Fail(ErrorKind::kCorrupt, "it is no OCI image layout: oci-layout is missing");
  }
  TRY(std::string layout, files->Read("oci-layout"));
  TRY(CheckOciLayoutFile(layout));
  return std::make_unique<OciLayout>(std::move(files), title);
}

Result<std::unique_ptr<ImageSource>> OpenDirImage(std::unique_ptr<FileSet> files) {
  if (!files->Has("manifest.json")) {
    return Fail(ErrorKind::kCorrupt, "it holds no image: manifest.json is missing");
  }
  return std::make_unique<DirImage>(std::move(files));
}

Result<std::unique_ptr<ImageSource>> OpenAnyFormat(std::unique_ptr<FileSet> files,
                                                   std::string_view title) {
  // docker writes both lists into one archive; the names are whole in manifest.json only.
  if (files->Has("manifest.json")) {
    TRY(std::string bytes, files->Read("manifest.json"));
    if (bytes.find_first_not_of(" \t\r\n") == bytes.find('[')) {
      return OpenDockerArchive(std::move(files));
    }
    return OpenDirImage(std::move(files));
  }
  if (files->Has("oci-layout")) return OpenOciLayout(std::move(files), title);
  if (files->Has("repositories")) return OpenDockerArchive(std::move(files));
  return Fail(MakeError(ErrorKind::kCorrupt,
                        "it holds no image: neither manifest.json nor oci-layout is in it")
                  .WithHint("a root file system is imported with 'hoy import'"));
}

}  // namespace hoy::oci
