#pragma once
// The signature policy before what comes out of archives and directories.

#include <functional>
#include <string>

#include "core/base/result.h"
#include "oci/transfer/image_source.h"

namespace hoy::cli {

using Admission = std::function<Result<>(const oci::OfferedImage&, const oci::Digest& manifest)>;

// For ImportOptions::admit. `signature_policy`: the file that was named, or empty. `path`: of the
// archive; empty for stdin, which lies in no scope. `source` must outlive it.
Result<Admission> MakeAdmission(const std::string& signature_policy, oci::ImageSource& source,
                                const std::string& path);

}  // namespace hoy::cli
