#pragma once
// Layers for a registry: a tar packed anew. gzip through isa-l, zstd through libzstd; the same
// input gives the same bytes on any machine with the same libraries.

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

enum class PackFormat { kGzip, kZstd };

struct PackOptions {
  PackFormat format = PackFormat::kGzip;
  std::optional<int64_t> level;  // gzip 1 to 9 (of which isa-l knows three), zstd 1 to 19
};

struct PackedLayer {
  Digest digest;  // of the packed bytes
  int64_t size = 0;
  Digest diff_id;  // of the tar
};

// kInvalidArgument: no such level.
Result<> CheckPackOptions(const PackOptions& options);

// `layer`, compressed or not, into `file` from its start. `consumed` is told of bytes of the tar,
// and may end it by an error. kCorrupt: see Decompress.
Result<PackedLayer> PackLayer(ByteSource& layer, const PackOptions& options, BorrowedFd file,
                              const std::function<Result<>(uint64_t)>& consumed);

}  // namespace hoy::oci
