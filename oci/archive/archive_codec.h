#pragma once
// The lists of what an archive holds:
//
//   docker-archive  manifest.json [{"Config":"<file>","RepoTags":["name:tag"],"Layers":["<file>"]}]
//                   (moby image/tarexport; containers/image docker/internal/tarfile)
//   OCI layout      index.json, oci-layout  (OCI image-spec v1.1 image-layout.md)
//
// Bytes from strangers: at most kMaxDocumentBytes, 64 levels, kMaxArchiveImages images, and
// kMaxLayers layers each; otherwise kCorrupt.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"

namespace hoy::oci {

inline constexpr size_t kMaxArchiveImages = 4096;

struct DockerArchiveEntry {
  std::string config;               // a file of the archive
  std::vector<std::string> names;   // as written
  std::vector<std::string> layers;  // files, bottom first
};

Result<std::vector<DockerArchiveEntry>> ParseDockerArchiveManifest(std::string_view bytes);
std::string EncodeDockerArchiveManifest(const std::vector<DockerArchiveEntry>& entries);

inline constexpr const char* kRefNameAnnotation = "org.opencontainers.image.ref.name";
// What containerd and docker write beside it, since many readers take the other for a tag alone.
inline constexpr const char* kImageNameAnnotation = "io.containerd.image.name";

inline constexpr std::string_view kOciLayoutFile = R"({"imageLayoutVersion":"1.0.0"})";
Result<> CheckOciLayoutFile(std::string_view bytes);  // kUnsupported: another version

// index.json, which unlike other indexes need not say what it is.
Result<Index> ParseLayoutIndex(std::string_view bytes);

}  // namespace hoy::oci
