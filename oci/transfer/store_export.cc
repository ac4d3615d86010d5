#include "oci/transfer/store_export.h"

#include <fcntl.h>

#include <algorithm>
#include <span>

#include "core/sys/files.h"
#include "oci/image/layer_info.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/decompress.h"
#include "oci/layer/read_ahead.h"
#include "oci/layer/sha256.h"
#include "oci/transfer/verified_source.h"

namespace hoy::oci {
namespace {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t count = std::min(buffer.size(), bytes_.size());
    std::ranges::copy(std::as_bytes(std::span(bytes_.substr(0, count))), buffer.begin());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

// A layer's plain tar, from its blob. The end is only reached when the diff ID is right.
class PlainTarSource final : public ByteSource {
 public:
  PlainTarSource(ByteSource& blob, Digest diff_id) : tar_(blob), diff_id_(std::move(diff_id)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (ready_.empty()) {
      auto next = tar_.Next();
      if (!next && next.error().kind == ErrorKind::kCorrupt) return Fail(DamagedCopy(diff_id_));
      TRY(ready_, std::move(next));
    }
    if (ready_.empty() && tar_.diff_id() != diff_id_) {
      return Fail(DamagedCopy(diff_id_));
    }
    size_t count = std::min(buffer.size(), ready_.size());
    std::ranges::copy(ready_.first(count), buffer.begin());
    ready_ = ready_.subspan(count);
    return count;
  }

 private:
  ReadAhead tar_;
  Digest diff_id_;
  std::span<const std::byte> ready_;
};

class Export {
 public:
  Export(const core::Layout& layout, const ImageRecord& record, ImageTarget& target)
      : layout_(layout), images_(layout), record_(record), target_(target) {}

  Result<Descriptor> Run(const ExportNames& names) {
    OutgoingImage image{.names = names.names, .tag = names.tag, .member = names.member};
    TRY(image.manifest_bytes, ReadStored(record_.manifest));
    TRY(Manifest stored, ParseManifest(image.manifest_bytes));
    TRY(image.config, ReadStored(record_.id));
    if (stored.layers.size() != record_.diff_ids.size()) {
      return Fail(ErrorKind::kCorrupt, "the manifest has {} layers, the config {}",
                  stored.layers.size(), record_.diff_ids.size());
    }
    image.manifest = stored;
    if (target_.layers() == ImageTarget::Layers::kPlainTar) {
      for (size_t i = 0; i < stored.layers.size(); ++i) {
        TRY(int64_t size, PlainSize(i, stored.layers[i]));
        image.manifest.layers[i] = PlainLayer(record_.diff_ids[i], size, FormatOf(stored));
      }
    }
    if (target_.format() && *target_.format() != FormatOf(stored)) {
      image.manifest = Convert(std::move(image.manifest), *target_.format());
    }
    for (size_t i = 0; i < stored.layers.size(); ++i) {
      TRY(PutLayer(stored.layers[i], image.manifest.layers[i], record_.diff_ids[i]));
    }
    TRY(PutDocument(image.manifest.config, image.config));
    bool unchanged =
        image.manifest.layers == stored.layers && image.manifest.media_type == stored.media_type;
    if (!unchanged) image.manifest_bytes = EncodeManifest(image.manifest);
    image.target = {.media_type = image.manifest.media_type,
                    .digest = unchanged ? record_.manifest : Sha256Of(image.manifest_bytes),
                    .size = static_cast<int64_t>(image.manifest_bytes.size())};
    TRY(target_.PutImage(image));
    return image.target;
  }

 private:
  Result<std::string> ReadStored(const Digest& digest) const {
    auto bytes = images_.ReadBlob(digest);
    if (!bytes) return Missing(std::move(bytes).error(), digest);
    if (Sha256Of(*bytes) != digest) return Fail(DamagedCopy(digest));
    return bytes;
  }

  static std::unexpected<Error> Missing(Error error, const Digest& digest) {
    if (error.system_errno != ENOENT) return Fail(std::move(error));
    return Fail(MakeError(ErrorKind::kNotFound,
                          fmt::format("blob {} of the image is not on this machine any more",
                                      digest.Short()))
                    .WithHint("pull the image again"));
  }

  Result<Fd> OpenStored(const Digest& digest) const {
    auto file = core::OpenAt(core::kCwd, images_.BlobPath(digest), O_RDONLY);
    if (!file) return Missing(std::move(file).error(), digest);
    return file;
  }

  // A tar header wants the size before the bytes; a layer unpacked by an older hoy has not told it.
  Result<int64_t> PlainSize(size_t layer, const Descriptor& stored) const {
    if (stored.digest == record_.diff_ids[layer]) return stored.size;
    if (layer < record_.chain_ids.size()) {
      auto info = ReadLayerInfo(layout_, record_.chain_ids[layer]);
      if (info && info->diff_id == record_.diff_ids[layer]) return info->tar_bytes;
    }
    TRY(Fd file, OpenStored(stored.digest));
    FdSource blob(file, stored.digest.Short());
    TRY(std::unique_ptr<ByteSource> tar, Decompress(blob));
    std::vector<std::byte> buffer(256 << 10);
    int64_t size = 0;
    while (true) {
      TRY(size_t count, tar->Read(buffer));
      if (count == 0) return size;
      size += static_cast<int64_t>(count);
    }
  }

  Result<> PutLayer(const Descriptor& stored, const Descriptor& wanted, const Digest& diff_id) {
    TRY(bool there, target_.HasBlob(wanted));
    if (there) return {};
    TRY(Fd file, OpenStored(stored.digest));
    FdSource blob(file, stored.digest.Short());
    if (stored.digest == wanted.digest) {
      VerifiedSource verified(blob, stored.digest);
      return target_.PutBlob(wanted, verified);
    }
    PlainTarSource tar(blob, diff_id);
    return target_.PutBlob(wanted, tar);
  }

  Result<> PutDocument(const Descriptor& document, const std::string& bytes) {
    TRY(bool there, target_.HasBlob(document));
    if (there) return {};
    MemorySource source(bytes);
    return target_.PutBlob(document, source);
  }

  const core::Layout& layout_;
  ImageStore images_;
  const ImageRecord& record_;
  ImageTarget& target_;
};

}  // namespace

Result<Descriptor> ExportImage(const core::Layout& layout, const ImageRecord& record,
                               const ExportNames& names, ImageTarget& target) {
  return Export(layout, record, target).Run(names);
}

}  // namespace hoy::oci
