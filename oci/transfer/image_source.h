#pragma once
// Where images come from: archives and directories (oci/archive). All of them offer the same three
// things, named by digest: small documents, blobs, and which images there are. store_import.h puts
// one of them into the image store.
//
// What the store keeps of a layer, and why: both its files, unpacked, and the blob it came as, byte
// for byte. `save` and `push` must give layers whose diff IDs are those of the config, and a push
// of an unchanged image must give the manifest that was pulled. An unpacked directory cannot give
// back a tar exactly (order, padding, header formats), let alone a gzip stream (it depends on the
// compressor's version and level); a record of what is lost, as tar-split keeps, gives the tar but
// not the compressed blob, and costs a second decompression and compression on each push. The cost
// of keeping the blob is disk: the compressed size of each layer, about a third of its files. A
// layer that came plain (docker-archive, import, commit) is kept plain, at the size of its files;
// compressing it there would make load and commit several times slower, and push compresses while
// it sends anyway.

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"
#include "oci/layer/byte_source.h"
#include "oci/trust/payload.h"

namespace hoy::oci {

// The bytes of one blob, as long as its descriptor says, but not verified yet.
class SourceBlob : public ByteSource {
 public:
  // Moves a file that holds exactly these bytes to `path`, on hoy's data file system. False: there
  // is no such file, and the bytes are to be read and copied. What was opened can be read on.
  virtual Result<bool> MoveTo(const std::string& path) {
    (void)path;
    return false;
  }
};

struct OfferedImage {
  std::vector<Reference> names;  // may be none
  Descriptor target;             // a manifest or an index
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // What policy.json calls it: "oci-archive".
  virtual std::string_view transport() const = 0;
  // What is kept beside an image to vouch for it, which a list may name; most formats have no place
  // for that.
  virtual Result<std::vector<UntrustedSignature>> Signatures(const Digest& manifest) {
    (void)manifest;
    return std::vector<UntrustedSignature>{};
  }

  // kCorrupt: the list makes no sense (one name for two images, ...).
  virtual Result<std::vector<OfferedImage>> Images() = 0;
  // A manifest, index or config: at most kMaxDocumentBytes, digest and size checked.
  virtual Result<std::string> ReadDocument(const Descriptor& document) = 0;
  // May be called by several threads. kCorrupt: missing, or of another size.
  virtual Result<std::unique_ptr<SourceBlob>> OpenBlob(const Descriptor& blob) = 0;
};

}  // namespace hoy::oci
