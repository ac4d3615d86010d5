#include "tests/support/image.h"

#include <filesystem>
#include <stdexcept>

#include "tests/support/process.h"
#include "tests/support/scratch.h"

namespace hoy::test {
namespace {

std::string LayerType(MediaTypes types, Compression compression) {
  if (types == MediaTypes::kDocker) {
    return compression == Compression::kNone ? "application/vnd.docker.image.rootfs.diff.tar"
                                             : "application/vnd.docker.image.rootfs.diff.tar.gzip";
  }
  const std::string base = "application/vnd.oci.image.layer.v1.tar";
  if (compression == Compression::kGzip) return base + "+gzip";
  if (compression == Compression::kZstd) return base + "+zstd";
  return base;
}

std::string ManifestType(MediaTypes types) {
  return types == MediaTypes::kOci ? "application/vnd.oci.image.manifest.v1+json"
                                   : "application/vnd.docker.distribution.manifest.v2+json";
}

Json Descriptor(const Blob& blob) {
  return {{"mediaType", blob.media_type}, {"digest", blob.digest}, {"size", blob.bytes.size()}};
}

Blob MakeBlob(std::string bytes, std::string media_type) {
  std::string digest = Sha256Digest(bytes);
  return {std::move(bytes), std::move(digest), std::move(media_type)};
}

std::string Compress(const std::string& bytes, Compression compression) {
  switch (compression) {
    case Compression::kGzip: return Gzip(bytes);
    case Compression::kZstd: return Zstd(bytes);
    case Compression::kNone: break;
  }
  return bytes;
}

}  // namespace

ImageBuilder::ImageBuilder(MediaTypes types) : types_(types) {
  config_ = {{"architecture", "amd64"},
             {"os", "linux"},
             {"created", "2026-01-02T03:04:05Z"},
             {"config", Json::object()},
             {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}},
             {"history", Json::array()}};
}

ImageBuilder& ImageBuilder::Layer(const Tar& tar, Compression compression) {
  const std::string bytes = tar.Finish();
  return RawLayer(Compress(bytes, compression), Sha256Digest(bytes), compression);
}

ImageBuilder& ImageBuilder::RawLayer(std::string compressed, std::string tar_digest,
                                     Compression compression) {
  layers_.push_back(MakeBlob(std::move(compressed), LayerType(types_, compression)));
  config_["rootfs"]["diff_ids"].push_back(std::move(tar_digest));
  config_["history"].push_back({{"created", "2026-01-02T03:04:05Z"},
                                {"created_by", "layer " + std::to_string(layers_.size())}});
  return *this;
}

ImageBuilder& ImageBuilder::Platform(const std::string& architecture, const std::string& variant) {
  config_["architecture"] = architecture;
  if (!variant.empty()) config_["variant"] = variant;
  return *this;
}

Image ImageBuilder::Build() const {
  return Seal([](Json&) {});
}

Image ImageBuilder::Seal(const std::function<void(Json&)>& edit) const {
  Image image;
  const Blob config =
      MakeBlob(config_.dump(), types_ == MediaTypes::kOci
                                   ? "application/vnd.oci.image.config.v1+json"
                                   : "application/vnd.docker.container.image.v1+json");
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", ManifestType(types_)},
                   {"config", Descriptor(config)},
                   {"layers", Json::array()}};
  image.config_digest = config.digest;
  image.blobs.push_back(config);
  for (const Blob& layer : layers_) {
    manifest["layers"].push_back(Descriptor(layer));
    image.blobs.push_back(layer);
    image.layer_digests.push_back(layer.digest);
  }
  edit(manifest);
  image.manifest = MakeBlob(manifest.dump(), ManifestType(types_));
  return image;
}

Blob BuildIndex(const std::vector<IndexEntry>& entries, MediaTypes types) {
  const std::string type = types == MediaTypes::kOci
                               ? "application/vnd.oci.image.index.v1+json"
                               : "application/vnd.docker.distribution.manifest.list.v2+json";
  Json index = {{"schemaVersion", 2}, {"mediaType", type}, {"manifests", Json::array()}};
  for (const auto& entry : entries) {
    Json descriptor = Descriptor(entry.image.manifest);
    descriptor["platform"] = {{"architecture", entry.architecture}, {"os", "linux"}};
    if (!entry.variant.empty()) descriptor["platform"]["variant"] = entry.variant;
    index["manifests"].push_back(descriptor);
  }
  return MakeBlob(index.dump(), type);
}

void WriteOciLayout(const std::string& directory, const std::string& tag, const Image& image) {
  const std::string blobs = directory + "/blobs/sha256/";
  std::filesystem::create_directories(blobs);
  const auto write = [&](const Blob& blob) {
    WriteFile(blobs + blob.digest.substr(7), blob.bytes);
  };
  for (const Blob& blob : image.blobs) write(blob);
  write(image.manifest);
  Json entry = Descriptor(image.manifest);
  entry["annotations"] = {{"org.opencontainers.image.ref.name", tag}};
  WriteFile(directory + "/index.json", Json{{"schemaVersion", 2}, {"manifests", {entry}}}.dump());
  WriteFile(directory + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
}

ImageBuilder BusyboxImage() {
  std::string program;
  for (const char* path : {"/bin/busybox", "/usr/bin/busybox"}) {
    if (program.empty()) program = ReadFileIfThere(path);
  }
  if (program.empty()) throw std::runtime_error("no busybox: apt-get install busybox-static");
  const Output applets = RunCommand({.argv = {"busybox", "--list"}});

  Tar base;
  for (const char* name :
       {"bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var", "home/app"}) {
    base.Directory(name);
  }
  base.Directory("tmp", 01777);
  base.File("bin/busybox", program, 0755);
  std::string_view rest = applets.out;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string applet(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (applet.empty() || applet == "busybox") continue;
    base.HardLink("bin/" + applet, "bin/busybox", 0755);
  }
  base.File("hidden", "the second layer hides this\n");
  base.File("etc/hostname", "from-the-image\n");

  Tar second;
  second.Whiteout("hidden");
  second.File("etc/passwd",
              "root:x:0:0:root:/root:/bin/sh\n"
              "daemon:x:1:1:daemon:/:/bin/false\n"
              "app:x:1000:1000:app:/home/app:/bin/sh\n");
  second.File("etc/group", "root:x:0:\ndaemon:x:1:\napp:x:1000:\nextra:x:2000:app\n");

  ImageBuilder image;
  image.Layer(base).Layer(second);
  image.config() = {{"Env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
                    {"Cmd", {"sh"}}};
  return image;
}

}  // namespace hoy::test
