#pragma once
// Layer compression, recognised by its first bytes (a media type may lie): gzip (RFC 1952, several
// members, header and trailer checked) through isa-l, zstd (RFC 8878, several and skippable frames)
// through libzstd, xz and bzip2 (which `docker load` and `import` take, too) through liblzma and
// libbz2, and none.

#include <cstddef>
#include <memory>
#include <span>

#include "core/base/result.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

enum class Compression { kNone, kGzip, kZstd, kXz, kBzip2 };

Compression DetectCompression(std::span<const std::byte> head);  // needs 6 bytes to be sure

// The uncompressed bytes of `compressed`, which must outlive the result. Reads are kCorrupt for
// truncated or damaged input, bytes after the last member that are not one, for a zstd window over
// 128 MiB, and for an xz stream that needs more than 256 MiB; errors of `compressed` pass through
// unchanged. `found`, if any, is told what it was.
Result<std::unique_ptr<ByteSource>> Decompress(ByteSource& compressed,
                                               Compression* found = nullptr);

}  // namespace hoy::oci
