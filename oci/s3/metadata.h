#pragma once
// Mode, owner and time of a file as s3fs keeps them in an object's metadata.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/http.h"
#include "oci/s3/tree.h"

namespace hoy::oci {

// "x-amz-meta-mode: 33188", ..., and the Content-Type that s3fs gives it.
std::vector<std::string> MetadataHeaders(const LocalEntry& entry);

// Of an answer to a GET. What is not there is `fallback`'s. kUnsupported: a device, a FIFO or a
// socket; kCorrupt: it is at odds with the key, which alone says what is a directory.
Result<LocalEntry> ReadMetadata(const HttpResponse& response, bool directory,
                                const LocalEntry& fallback);

}  // namespace hoy::oci
