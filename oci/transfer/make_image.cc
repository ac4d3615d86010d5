#include "oci/transfer/make_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/sys/files.h"
#include "oci/image/layer_info.h"
#include "oci/image/layer_path.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/decompress.h"
#include "oci/layer/layer_store.h"
#include "oci/layer/sha256.h"
#include "oci/transfer/keeping_source.h"
#include "oci/transfer/store_import.h"
#include "oci/transfer/temp_blob.h"

namespace hoy::oci {
namespace {

// A source whose first bytes are looked at before they are read.
class PeekedSource final : public ByteSource {
 public:
  explicit PeekedSource(ByteSource& source) : source_(source) {}

  Result<Compression> Detect() {
    while (size_ < head_.size()) {
      TRY(size_t count, source_.Read(std::span(head_).subspan(size_)));
      if (count == 0) break;
      size_ += count;
    }
    return DetectCompression(std::span(head_).first(size_));
  }
  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (given_ == size_) return source_.Read(buffer);
    size_t count = std::min(buffer.size(), size_ - given_);
    std::copy_n(head_.begin() + given_, count, buffer.begin());
    given_ += count;
    return count;
  }

 private:
  ByteSource& source_;
  std::array<std::byte, 6> head_{};
  size_t size_ = 0;
  size_t given_ = 0;
};

class Making {
 public:
  Making(const core::Layout& layout, NewImage image)
      : layout_(layout),
        image_(std::move(image)),
        images_(layout),
        layers_(OpenDirectoryLayerStore(layout)) {}

  Result<Digest> Run(ByteSource& layer) {
    core::RemoveStaleTemps(layout_.Ingest());
    TRY(PullLease lease, images_.BeginPull());
    TRY(LoadBase(lease));
    PeekedSource peeked(layer);
    TRY(Compression compression, peeked.Detect());
    ByteSource* input = &peeked;
    std::unique_ptr<ByteSource> plain;
    if (compression == Compression::kXz || compression == Compression::kBzip2) {
      // No registry knows these as layers.
      TRY(plain, Decompress(peeked));
      input = plain.get();
      compression = Compression::kNone;
    }
    TRY(TempBlob blob, TempBlob::Make(layout_));
    // Where it goes is known only when it is unpacked: until then it stands for no layer.
    TRY(std::unique_ptr<LayerWriter> writer, layers_->Begin(Digest()));
    // The digest of a plain tar is its diff ID: one hash serves both.
    Sha256 hash;
    bool packed = compression != Compression::kNone;
    KeepingSource source(*input, blob.fd().get(), packed ? &hash : nullptr);
    TRY_CONTEXT_SET(AppliedLayer applied, writer->Apply(source, {.plain_tree = !image_.base}),
                    "layer");
    manifest_.layers.push_back({.media_type = MediaTypeOf(compression),
                                .digest = packed ? hash.Finish() : applied.diff_id,
                                .size = source.total()});
    image_.step.diff_id = applied.diff_id;
    TRY(PutLayer(lease, *writer, blob));
    writers_.push_back(std::move(writer));
    TRY(layers_->Commit(writers_));
    return Publish(lease);
  }

 private:
  Result<> LoadBase(PullLease& lease) {
    manifest_.media_type = image_.format == ManifestFormat::kOci ? media_type::kOciManifest
                                                                 : media_type::kDockerManifest;
    if (!image_.base) return {};
    const ImageRecord& base = *image_.base;
    TRY(lease.Protect(base.blobs, base.chain_ids));
    TRY(std::string manifest, images_.ReadBlob(base.manifest));
    TRY(manifest_, ParseManifest(manifest));
    manifest_ = Convert(std::move(manifest_), image_.format);
    manifest_.annotations.clear();  // they speak of the image below
    TRY(base_config_, images_.ReadBlob(base.id));
    chain_ids_ = base.chain_ids;
    return {};
  }

  std::string MediaTypeOf(Compression compression) const {
    bool oci = image_.format == ManifestFormat::kOci;
    switch (compression) {
      case Compression::kGzip:
        return std::string(oci ? media_type::kOciLayerGzip : media_type::kDockerLayerGzip);
      case Compression::kZstd:
        return std::string(oci ? media_type::kOciLayerZstd : media_type::kDockerLayerZstd);
      default: return std::string(oci ? media_type::kOciLayer : media_type::kDockerLayer);
    }
  }

  // The blob, then the layer's own place.
  Result<> PutLayer(PullLease& lease, LayerWriter& writer, TempBlob& blob) {
    std::vector<Digest> diff_ids = image_.base ? image_.base->diff_ids : std::vector<Digest>();
    diff_ids.push_back(image_.step.diff_id);
    chain_ids_ = ChainIds(diff_ids);
    const Digest& digest = manifest_.layers.back().digest;
    TRY(lease.Protect(std::vector{digest}, chain_ids_));
    std::vector<std::string> lower;
    if (image_.base) lower = LowerDirectories(layout_, image_.base->chain_ids);
    TRY(writer.Finish(lower));
    writer.Place(chain_ids_.back());
    if (fsync(blob.fd().get()) != 0) return FailErrno("sync", blob.path());
    TRY(blob.Publish(layout_, digest));
    return core::SyncDirectory(layout_.Blobs());
  }

  Result<Digest> Publish(PullLease& lease) {
    TRY(std::string config, AddStep(base_config_, image_.step));
    TRY(ImageConfig parsed, ParseImageConfig(config));
    Digest id = Sha256Of(config);
    manifest_.config = ConfigDescriptor(id, static_cast<int64_t>(config.size()), image_.format);
    std::string manifest = EncodeManifest(manifest_);
    Digest manifest_digest = Sha256Of(manifest);
    TRY(lease.Protect(std::vector{id, manifest_digest}, {}));
    TRY(images_.WriteBlob(id, config));
    TRY(images_.WriteBlob(manifest_digest, manifest));
    ImageRecord record = RecordOf(id, manifest_digest, parsed);
    record.chain_ids = chain_ids_;
    record.blobs = {id, manifest_digest};
    for (const Descriptor& layer : manifest_.layers) record.blobs.push_back(layer.digest);
    std::ranges::sort(record.blobs);
    record.blobs.erase(std::ranges::unique(record.blobs).begin(), record.blobs.end());
    for (const Digest& chain_id : chain_ids_) {
      record.size += static_cast<int64_t>(LayerFileBytes(layout_, chain_id));
    }
    TRY(images_.PublishLocal(std::move(record), image_.names));
    return id;
  }

  const core::Layout& layout_;
  NewImage image_;
  ImageStore images_;
  std::unique_ptr<LayerStore> layers_;
  Manifest manifest_;
  std::string base_config_;
  std::vector<Digest> chain_ids_;
  std::vector<std::unique_ptr<LayerWriter>> writers_;
};

}  // namespace

Result<Digest> MakeImage(const core::Layout& layout, ByteSource& layer, NewImage image) {
  return Making(layout, std::move(image)).Run(layer);
}

}  // namespace hoy::oci
