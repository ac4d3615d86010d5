#pragma once
// Where images go to: archives and directories (oci/archive); a registry is one, too.
// store_export.h sends one image of the store to it: blobs first, each once, then the image that
// refers to them.

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "oci/image/manifest_encode.h"
#include "oci/image/reference.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

struct OutgoingImage {
  std::vector<Reference> names;
  std::string config;  // bytes
  Manifest manifest;   // as the target wants it
  Descriptor target;   // its media type, digest and size
  std::string manifest_bytes;
};

class ImageTarget {
 public:
  enum class Layers { kAsStored, kPlainTar };

  virtual ~ImageTarget() = default;

  virtual Layers layers() const { return Layers::kAsStored; }
  // The family of media types that it takes; nullopt: any, so that digests stay.
  virtual std::optional<ManifestFormat> format() const { return std::nullopt; }

  virtual Result<bool> HasBlob(const Descriptor& blob) = 0;
  // Exactly `blob.size` bytes, with its digest: the caller sees to that.
  virtual Result<> PutBlob(const Descriptor& blob, ByteSource& bytes) = 0;
  virtual Result<> PutImage(const OutgoingImage& image) = 0;
  virtual Result<> Finish() = 0;  // after the last image
};

}  // namespace hoy::oci
