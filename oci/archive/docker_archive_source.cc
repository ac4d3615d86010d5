// docker-archive, as docker (all versions since 1.10), podman, skopeo and others write it. It has
// no manifest: one is made here, of the config and the layers as they lie in the archive.

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "oci/archive/archive_codec.h"
#include "oci/archive/formats.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest_encode.h"
#include "oci/layer/decompress.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

// Of all configs, and the manifests made for them.
constexpr size_t kMaxDocumentsBytes = 64 << 20;

class DockerArchive final : public ImageSource {
 public:
  explicit DockerArchive(std::unique_ptr<FileSet> files) : files_(std::move(files)) {}

  std::string_view transport() const override { return "docker-archive"; }

  Result<std::vector<OfferedImage>> Images() override {
    TRY(std::string bytes, files_->Read("manifest.json"));
    TRY(auto entries, ParseDockerArchiveManifest(bytes));
    std::vector<OfferedImage> images;
    std::map<std::string, Digest> named;
    for (const DockerArchiveEntry& entry : entries) {
      TRY_CONTEXT_SET(
          OfferedImage image, Offer(entry), "image '{}'",
          entry.names.empty() ? entry.config.substr(0, 128) : entry.names.front().substr(0, 512));
      for (const Reference& name : image.names) {
        auto [known, added] = named.try_emplace(name.ToString(), image.target.digest);
        if (!added && known->second != image.target.digest) {
          return Fail(ErrorKind::kCorrupt, "the archive has two images named '{}'",
                      name.Familiar());
        }
      }
      images.push_back(std::move(image));
    }
    return images;
  }

  Result<std::string> ReadDocument(const Descriptor& document) override {
    auto found = documents_.find(document.digest);
    if (found != documents_.end()) return found->second;
    return Fail(ErrorKind::kCorrupt, "blob {} is missing", document.digest.Short());
  }

  Result<std::unique_ptr<SourceBlob>> OpenBlob(const Descriptor& blob) override {
    auto found = layer_files_.find(blob.digest);
    if (found == layer_files_.end()) {
      return Fail(ErrorKind::kCorrupt, "blob {} is missing", blob.digest.Short());
    }
    return files_->Open(found->second);
  }

 private:
  Result<OfferedImage> Offer(const DockerArchiveEntry& entry) {
    TRY(std::string config_bytes, files_->Read(entry.config));
    TRY(ImageConfig config, ParseImageConfig(config_bytes));
    if (config.diff_ids.size() != entry.layers.size()) {
      return Fail(ErrorKind::kCorrupt, "manifest.json lists {} layers, the config {}",
                  entry.layers.size(), config.diff_ids.size());
    }
    Manifest manifest{.media_type = std::string(media_type::kDockerManifest)};
    Digest id = Sha256Of(config_bytes);
    manifest.config =
        ConfigDescriptor(id, static_cast<int64_t>(config_bytes.size()), ManifestFormat::kDocker);
    for (size_t i = 0; i < entry.layers.size(); ++i) {
      TRY_CONTEXT_SET(Descriptor layer, LayerOf(entry.layers[i], config.diff_ids[i]), "layer '{}'",
                      entry.layers[i].substr(0, 128));
      layer_files_.try_emplace(layer.digest, entry.layers[i]);
      manifest.layers.push_back(std::move(layer));
    }
    TRY(Keep(id, std::move(config_bytes)));
    std::string bytes = EncodeManifest(manifest);
    OfferedImage image;
    image.target = {.media_type = manifest.media_type,
                    .digest = Sha256Of(bytes),
                    .size = static_cast<int64_t>(bytes.size())};
    TRY(Keep(image.target.digest, std::move(bytes)));
    for (const std::string& name : entry.names) {
      TRY(Reference reference, Reference::ParseWithDefaultTag(name));
      if (std::ranges::find(image.names, reference) == image.names.end()) {
        image.names.push_back(std::move(reference));
      }
    }
    return image;
  }

  Result<> Keep(const Digest& digest, std::string document) {
    size_t size = document.size();
    if (!documents_.try_emplace(digest, std::move(document)).second) return {};
    document_bytes_ += size;
    if (document_bytes_ <= kMaxDocumentsBytes) return {};
    return Fail(ErrorKind::kCorrupt, "the configs of the archive's images are larger than {} MiB",
                kMaxDocumentsBytes >> 20);
  }

  // A plain tar's digest is its diff ID. Of a compressed one (docker with containerd's store writes
  // such) it is in the file's name, or has to be worked out.
  Result<Descriptor> LayerOf(const std::string& name, const Digest& diff_id) {
    auto size = files_->SizeOf(name);
    if (!size) return Fail(ErrorKind::kCorrupt, "it is missing in the archive");
    TRY(Compression compression, CompressionOf(name));
    if (compression == Compression::kNone) {
      return PlainLayer(diff_id, *size, ManifestFormat::kDocker);
    }
    Descriptor layer{.size = *size};
    layer.media_type = compression == Compression::kZstd ? media_type::kOciLayerZstd
                                                         : media_type::kDockerLayerGzip;
    constexpr std::string_view kBlobs = "blobs/sha256/";
    if (name.starts_with(kBlobs)) {
      TRY(layer.digest, Digest::Parse("sha256:" + name.substr(kBlobs.size())));
      return layer;
    }
    TRY(layer.digest, DigestOf(name));
    return layer;
  }

  Result<Compression> CompressionOf(const std::string& name) {
    TRY(auto file, files_->Open(name));
    std::array<std::byte, 6> head{};
    size_t filled = 0;
    while (filled < head.size()) {
      TRY(size_t count, file->Read(std::span(head).subspan(filled)));
      if (count == 0) break;
      filled += count;
    }
    return DetectCompression(std::span(head).first(filled));
  }

  // Many images may name one file, under several names.
  Result<Digest> DigestOf(const std::string& name) {
    std::string file = files_->FileOf(name);
    auto known = digests_.find(file);
    if (known != digests_.end()) return known->second;
    TRY(Digest digest, HashOf(name));
    digests_.emplace(std::move(file), digest);
    return digest;
  }

  Result<Digest> HashOf(const std::string& name) {
    TRY(auto file, files_->Open(name));
    Sha256 hash;
    std::vector<std::byte> buffer(256 << 10);
    while (true) {
      TRY(size_t count, file->Read(buffer));
      if (count == 0) return hash.Finish();
      hash.Update(std::span(buffer).first(count));
    }
  }

  std::unique_ptr<FileSet> files_;
  std::map<Digest, std::string> documents_;
  size_t document_bytes_ = 0;
  std::map<std::string, Digest> digests_;  // by file
  std::map<Digest, std::string> layer_files_;
};

}  // namespace

Result<std::unique_ptr<ImageSource>> OpenDockerArchive(std::unique_ptr<FileSet> files) {
  if (!files->Has("manifest.json")) {
    if (files->Has("repositories")) {
      return Fail(MakeError(ErrorKind::kUnsupported,
                            "it was written by a docker older than 1.10, without manifest.json")
                      .WithHint("load and save it with a current docker or podman"));
    }
    return Fail(ErrorKind::kCorrupt, "it is no docker-archive: manifest.json is missing");
  }
  return std::make_unique<DockerArchive>(std::move(files));
}

}  // namespace hoy::oci
