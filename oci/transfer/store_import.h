#pragma once
// An image from a source (image_source.h) into the image store: documents checked, layers unpacked
// and their blobs kept, several layers at a time, each byte read, hashed and decompressed once.
// It becomes visible as a whole, durably; an error or a crash leaves nothing but what the next
// import clears away.

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_config.h"
#include "oci/image/image_store.h"
#include "oci/image/platform.h"
#include "oci/registry/cancel.h"
#include "oci/transfer/image_source.h"

namespace hoy::oci {

struct ImportOptions {
  Platform platform = HostPlatform();
  bool platform_asked = false;  // another platform is an error then, and else a warning
  int unpackers = 2;
  const CancelToken* cancel = nullptr;  // ends it with kCancelled
  // Whether the image is let in, asked before any of it is kept. The manifest: the image's own.
  std::function<Result<>(const OfferedImage&, const Digest& manifest)> admit;
  std::function<void(std::string_view)> warn;
  // The layers of the manifest, bottom first, and whether they are here already; before any work.
  std::function<void(const std::vector<Descriptor>&, const std::vector<bool>& here)> on_layers;
  std::function<void(size_t layer)> on_layer_done;  // from several threads, one at a time
};

struct ImportedImage {
  Digest id;
  Digest manifest;
  std::vector<std::string> names;  // familiar
  bool changed = false;            // a name is new, or meant another image before
};

// `layout` is prepared. kCorrupt: something is not what it is called; kNotFound: no such platform.
Result<ImportedImage> ImportImage(const core::Layout& layout, ImageSource& source,
                                  const OfferedImage& image, const ImportOptions& options);

// What is known of an image once its config is: for records that are not made by a pull.
ImageRecord RecordOf(const Digest& id, const Digest& manifest, const ImageConfig& config);

}  // namespace hoy::oci
