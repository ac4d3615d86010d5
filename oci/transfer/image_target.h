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
  std::string tag;      // what the target calls it, word for word, instead of the names
  bool member = false;  // of a list that follows: it is not named itself
  std::string config;   // bytes
  Manifest manifest;    // as the target wants it
  Descriptor target;    // its media type, digest and size
  std::string manifest_bytes;
};

// An index, all of whose entries the target has got as members.
struct OutgoingList {
  std::vector<Reference> names;
  std::string tag;
  Descriptor target;
  std::string bytes;
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
  // kUnsupported: the format holds no lists.
  virtual Result<> PutList(const OutgoingList& list) {
    (void)list;
    return Fail(MakeError(ErrorKind::kUnsupported, "the format docker-archive holds no lists")
                    .WithHint("choose one image with --platform, or the format oci-archive"));
  }
  virtual Result<> Finish() = 0;  // after the last image
};

}  // namespace hoy::oci
