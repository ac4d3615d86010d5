#pragma once
// The formats that images are kept in outside registries, with the names that skopeo gives them:
//
//   docker-archive:FILE[:NAME]   what `docker save` writes: a tar with manifest.json, a config and
//                                plain layer tars
//   oci-archive:FILE[:REF]       a tar of an OCI image layout
//   oci:DIR[:REF]                an OCI image layout
//   dir:DIR                      one image: manifest.json and blobs named by their digest
//
// Each is read as an ImageSource and written as an ImageTarget.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/archive/file_set.h"
#include "oci/layer/byte_sink.h"
#include "oci/registry/cancel.h"
#include "oci/transfer/image_source.h"
#include "oci/transfer/image_target.h"

namespace hoy::oci {

// Sources. `title`, if not empty, names images whose own name is only a tag: "localhost/<title>".
// kCorrupt: it is not that format, or contradicts itself.
Result<std::unique_ptr<ImageSource>> OpenDockerArchive(std::unique_ptr<FileSet> files);
Result<std::unique_ptr<ImageSource>> OpenOciLayout(std::unique_ptr<FileSet> files,
                                                   std::string_view title);
Result<std::unique_ptr<ImageSource>> OpenDirImage(std::unique_ptr<FileSet> files);

// By what the files are.
Result<std::unique_ptr<ImageSource>> OpenAnyFormat(std::unique_ptr<FileSet> files,
                                                   std::string_view title);

// Targets. Tars are streamed to `sink`, which outlives the target. Directories are made when they
// are missing; a layout that is there is added to. A dir holds manifests of any format: those in
// another one than `format` are converted. `cancel`, if any, ends it with kCancelled; a target that
// is given up before Finish leaves nothing in its directory.
std::unique_ptr<ImageTarget> MakeDockerArchive(ByteSink& sink);
std::unique_ptr<ImageTarget> MakeOciArchive(ByteSink& sink);
Result<std::unique_ptr<ImageTarget>> MakeOciLayout(const std::string& directory,
                                                   const CancelToken* cancel = nullptr);
Result<std::unique_ptr<ImageTarget>> MakeDirImage(const std::string& directory,
                                                  std::optional<ManifestFormat> format,
                                                  const CancelToken* cancel = nullptr);

}  // namespace hoy::oci
