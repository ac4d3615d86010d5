#pragma once
// OCI images in memory: layers, config, manifest, index (OCI image-spec 1.1; Docker's schema 2
// media types on request). Every piece can be spoilt before it is written anywhere.

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/tar.h"

namespace hoy::test {

using Json = nlohmann::json;

enum class Compression { kNone, kGzip, kZstd };
enum class MediaTypes { kOci, kDocker };

// Bytes that a manifest refers to.
struct Blob {
  std::string bytes;
  std::string digest;
  std::string media_type;
};

struct Image {
  std::vector<Blob> blobs;  // config and layers
  Blob manifest;
  std::string config_digest;
  std::vector<std::string> layer_digests;
};

class ImageBuilder {
 public:
  explicit ImageBuilder(MediaTypes types = MediaTypes::kOci);

  ImageBuilder& Layer(const Tar& tar, Compression compression = Compression::kGzip);
  // `compressed` is what the registry serves; `tar_digest` is what the config claims is inside.
  ImageBuilder& RawLayer(std::string compressed, std::string tar_digest, Compression compression);
  ImageBuilder& Platform(const std::string& architecture, const std::string& variant = "");

  // config.json's "config" object: Env, Cmd, Entrypoint, User ...
  Json& config() { return config_["config"]; }
  Json& whole_config() { return config_; }

  // `edit` may spoil the manifest before it is serialized.
  Image Build() const;
  template <typename Edit>
  Image Build(Edit edit) const {
    return Seal([&](Json& manifest) { edit(manifest); });
  }

 private:
  Image Seal(const std::function<void(Json&)>& edit) const;

  MediaTypes types_;
  Json config_;
  std::vector<Blob> layers_;
};

struct IndexEntry {
  Image image;
  std::string architecture;
  std::string variant;
};
Blob BuildIndex(const std::vector<IndexEntry>& entries, MediaTypes types = MediaTypes::kOci);

// Writes an OCI image layout directory ("oci:DIR:TAG" to skopeo and umoci).
void WriteOciLayout(const std::string& directory, const std::string& tag, const Image& image);

// busybox-static with an applet link for each name, the users root, daemon (1) and app (1000,
// groups app and extra), and a home directory. Two layers; the second hides /hidden of the first.
ImageBuilder BusyboxImage();

}  // namespace hoy::test
