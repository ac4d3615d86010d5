#pragma once
// Bytes that come from somewhere: a file, a growing download, a pipe, a decompressor.

#include <cstddef>
#include <span>

#include "core/base/result.h"

namespace hoy::oci {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills some of `buffer`; 0 is the end. May block. Never returns 0 before the end.
  virtual Result<size_t> Read(std::span<std::byte> buffer) = 0;
};

}  // namespace hoy::oci
