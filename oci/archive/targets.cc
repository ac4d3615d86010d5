// The formats as targets: formats.h.

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <ranges>
#include <set>

#include "core/sys/files.h"
#include "oci/archive/archive_codec.h"
#include "oci/archive/formats.h"
#include "oci/layer/tar_writer.h"
#include "oci/transfer/stoppable_source.h"

namespace hoy::oci {
namespace {

constexpr size_t kCopyBytes = 256 << 10;

// Exactly `size` bytes of `bytes`, piece by piece.
template <typename Put>
Result<> CopyExactly(ByteSource& bytes, int64_t size, Put put) {
  std::vector<std::byte> buffer(kCopyBytes);
  int64_t left = size;
  while (true) {
    TRY(size_t count, bytes.Read(buffer));
    if (count == 0) break;
    left -= static_cast<int64_t>(count);
    if (left < 0) break;
    TRY(put(std::span<const std::byte>(buffer).first(count)));
  }
  if (left == 0) return {};
  return Fail(ErrorKind::kCorrupt, "a blob has not the {} bytes that it should have", size);
}

class DockerArchiveTarget final : public ImageTarget {
 public:
  explicit DockerArchiveTarget(ByteSink& sink) : tar_(sink) {}

  Layers layers() const override { return Layers::kPlainTar; }
  std::optional<ManifestFormat> format() const override { return ManifestFormat::kDocker; }

  Result<bool> HasBlob(const Descriptor& blob) override { return written_.contains(blob.digest); }

  Result<> PutBlob(const Descriptor& blob, ByteSource& bytes) override {
    TarEntry entry{.name = FileOf(blob), .type = S_IFREG, .mode = 0444, .size = blob.size};
    TRY(tar_.Begin(entry));
    TRY(CopyExactly(bytes, blob.size, [this](auto part) { return tar_.Write(part); }));
    written_.insert(blob.digest);
    return {};
  }

  Result<> PutImage(const OutgoingImage& image) override {
    DockerArchiveEntry entry{.config = FileOf(image.manifest.config)};
    for (const Descriptor& layer : image.manifest.layers) entry.layers.push_back(FileOf(layer));
    auto known = std::ranges::find_if(
        entries_, [&](const DockerArchiveEntry& other) { return other.config == entry.config; });
    if (known == entries_.end()) known = entries_.insert(entries_.end(), std::move(entry));
    for (const Reference& name : image.names) {
      // The whole name: what it means must not depend on who reads it.
      std::string text = name.ToString();
      if (std::ranges::find(known->names, text) == known->names.end()) known->names.push_back(text);
    }
    return {};
  }

  Result<> Finish() override {
    TRY(tar_.AddFile("manifest.json", EncodeDockerArchiveManifest(entries_)));
    return tar_.Finish();
  }

 private:
  static std::string FileOf(const Descriptor& blob) {
    return blob.digest.hex() + (blob.media_type == media_type::kDockerConfig ? ".json" : ".tar");
  }

  TarWriter tar_;
  std::set<Digest> written_;
  std::vector<DockerArchiveEntry> entries_;
};

// index.json of a layout that grows.
class LayoutIndex {
 public:
  explicit LayoutIndex(Index index = {}) : index_(std::move(index)) {}

  // `image` is one, or a list.
  template <typename Outgoing>
  void Add(const Outgoing& image) {
    if (!image.tag.empty()) {
      Descriptor entry = image.target;
      entry.annotations = {{kRefNameAnnotation, image.tag}};
      return AddEntry(std::move(entry));
    }
    if (image.names.empty()) return AddEntry(image.target);
    for (const Reference& name : image.names) {
      Descriptor entry = image.target;
      entry.annotations = {{kRefNameAnnotation, name.ToString()},
                           {kImageNameAnnotation, name.ToString()}};
      AddEntry(std::move(entry));
    }
  }
  std::string Encode() const { return EncodeIndex(index_); }

 private:
  static std::string NameOf(const Descriptor& entry) {
    auto name = entry.annotations.find(kRefNameAnnotation);
    return name == entry.annotations.end() ? std::string() : name->second;
  }

  // A name has one meaning: the new one.
  void AddEntry(Descriptor entry) {
    std::erase_if(index_.manifests, [&](const Descriptor& old) {
      return NameOf(old) == NameOf(entry) && (!NameOf(entry).empty() || old.digest == entry.digest);
    });
    index_.manifests.push_back(std::move(entry));
  }

  Index index_;
};

class OciArchiveTarget final : public ImageTarget {
 public:
  explicit OciArchiveTarget(ByteSink& sink) : tar_(sink) {}

  std::optional<ManifestFormat> format() const override { return ManifestFormat::kOci; }

  Result<bool> HasBlob(const Descriptor& blob) override { return written_.contains(blob.digest); }

  Result<> PutBlob(const Descriptor& blob, ByteSource& bytes) override {
    TRY(Begin());
    TarEntry entry{.name = FileOf(blob.digest), .type = S_IFREG, .mode = 0644, .size = blob.size};
    TRY(tar_.Begin(entry));
    TRY(CopyExactly(bytes, blob.size, [this](auto part) { return tar_.Write(part); }));
    written_.insert(blob.digest);
    return {};
  }

  Result<> PutImage(const OutgoingImage& image) override {
    if (written_.insert(image.target.digest).second) {
      TRY(tar_.AddFile(FileOf(image.target.digest), image.manifest_bytes));
    }
    if (!image.member) index_.Add(image);
    return {};
  }

  Result<> PutList(const OutgoingList& list) override {
    TRY(Begin());
    if (written_.insert(list.target.digest).second) {
      TRY(tar_.AddFile(FileOf(list.target.digest), list.bytes));
    }
    index_.Add(list);
    return {};
  }

  Result<> Finish() override {
    TRY(Begin());
    TRY(tar_.AddFile("index.json", index_.Encode()));
    return tar_.Finish();
  }

 private:
  static std::string FileOf(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

  Result<> Begin() {
    if (begun_) return {};
    begun_ = true;
    TRY(tar_.AddFile("oci-layout", kOciLayoutFile));
    for (const char* name : {"blobs", "blobs/sha256"}) {
      TRY(tar_.Begin({.name = name, .type = S_IFDIR, .mode = 0755}));
    }
    return {};
  }

  TarWriter tar_;
  bool begun_ = false;
  std::set<Digest> written_;
  LayoutIndex index_;
};

// A layout on disk, or skopeo's dir. Files appear whole, by rename. What is given up before Finish
// leaves nothing that was not there before.
class DirectoryTarget : public ImageTarget {
 public:
  DirectoryTarget(std::string blobs, const CancelToken* cancel)
      : blobs_(std::move(blobs)), cancel_(cancel) {}
  DirectoryTarget(const DirectoryTarget&) = delete;
  DirectoryTarget& operator=(const DirectoryTarget&) = delete;
  ~DirectoryTarget() override {
    if (finished_) return;
    for (const std::string& path : made_ | std::views::reverse) (void)remove(path.c_str());
  }

  // With what is missing above it.
  Result<> MakeDirectory(const std::string& path) {
    if (path.empty() || core::Exists(path)) return {};
    TRY(MakeDirectory(std::filesystem::path(path).parent_path()));
    TRY(core::MakeDirectory(path, 0755));
    made_.push_back(path);
    return {};
  }

  Result<bool> HasBlob(const Descriptor& blob) override { return core::Exists(PathOf(blob)); }

  Result<> PutBlob(const Descriptor& blob, ByteSource& bytes) override {
    std::string path = PathOf(blob);
    std::string temp = blobs_ + "/." + blob.digest.hex() + ".partial";
    TRY(Fd file, core::OpenAt(core::kCwd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
    StoppableSource source(bytes, cancel_);
    auto copied = CopyExactly(source, blob.size,
                              [&](auto part) { return core::WriteAll(file, AsText(part), temp); });
    if (!copied) {
      (void)core::Unlink(temp);
      return copied;
    }
    const bool is_new = !core::Exists(path);
    if (rename(temp.c_str(), path.c_str()) != 0) return FailErrno("rename", path);
    if (is_new) made_.push_back(std::move(path));
    return {};
  }

 protected:
  Result<> WriteWhole(const std::string& path, std::string_view bytes) {
    const bool is_new = !core::Exists(path);
    TRY(core::WriteFileAtomically(path, bytes, core::Durability::kVolatile, 0644));
    if (is_new) made_.push_back(path);
    return {};
  }
  // The last file of all.
  Result<> WriteLast(const std::string& path, std::string_view bytes) {
    TRY(WriteWhole(path, bytes));
    finished_ = true;
    return {};
  }
  std::string PathOf(const Descriptor& blob) const { return blobs_ + "/" + blob.digest.hex(); }

 private:
  std::string blobs_;
  const CancelToken* cancel_;
  std::vector<std::string> made_;  // in that order
  bool finished_ = false;
};

class OciLayoutTarget final : public DirectoryTarget {
 public:
  OciLayoutTarget(std::string directory, Index index, const CancelToken* cancel)
      : DirectoryTarget(directory + "/blobs/sha256", cancel),
        directory_(std::move(directory)),
        index_(std::move(index)) {}

  std::optional<ManifestFormat> format() const override { return ManifestFormat::kOci; }

  Result<> PutImage(const OutgoingImage& image) override {
    TRY(WriteWhole(PathOf(image.target), image.manifest_bytes));
    if (!image.member) index_.Add(image);
    return {};
  }

  Result<> PutList(const OutgoingList& list) override {
    TRY(WriteWhole(PathOf(list.target), list.bytes));
    index_.Add(list);
    return {};
  }

  Result<> Finish() override {
    TRY(WriteWhole(directory_ + "/oci-layout", kOciLayoutFile));
    return WriteLast(directory_ + "/index.json", index_.Encode());
  }

 private:
  std::string directory_;
  LayoutIndex index_;
};

class DirTarget final : public DirectoryTarget {
 public:
  DirTarget(std::string directory, std::optional<ManifestFormat> format, const CancelToken* cancel)
      : DirectoryTarget(directory, cancel), directory_(std::move(directory)), format_(format) {}

  std::optional<ManifestFormat> format() const override { return format_; }

  Result<> PutImage(const OutgoingImage& image) override {
    // As skopeo names the manifests below an index.
    if (image.member) {
      return WriteWhole(PathOf(image.target) + ".manifest.json", image.manifest_bytes);
    }
    return SetManifest(image.manifest_bytes);
  }
  Result<> PutList(const OutgoingList& list) override { return SetManifest(list.bytes); }

  Result<> Finish() override {
    TRY(WriteWhole(directory_ + "/version", "Directory Transport Version: 1.1\n"));
    return WriteLast(directory_ + "/manifest.json", manifest_);
  }

 private:
  Result<> SetManifest(const std::string& bytes) {
    if (!manifest_.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "the format 'dir' holds one image only");
    }
    manifest_ = bytes;
    return {};
  }

  std::string directory_;
  std::optional<ManifestFormat> format_;
  std::string manifest_;
};

}  // namespace

std::unique_ptr<ImageTarget> MakeDockerArchive(ByteSink& sink) {
  return std::make_unique<DockerArchiveTarget>(sink);
}

std::unique_ptr<ImageTarget> MakeOciArchive(ByteSink& sink) {
  return std::make_unique<OciArchiveTarget>(sink);
}

Result<std::unique_ptr<ImageTarget>> MakeOciLayout(const std::string& directory,
                                                   const CancelToken* cancel) {
  Index index;
  if (std::string path = directory + "/index.json"; core::Exists(path)) {
    TRY(std::string bytes, core::ReadFile(path, kMaxDocumentBytes));
    TRY_CONTEXT_SET(index, ParseLayoutIndex(bytes), "'{}'", directory);
  }
  auto target = std::make_unique<OciLayoutTarget>(directory, std::move(index), cancel);
  TRY(target->MakeDirectory(directory + "/blobs/sha256"));
  return target;
}

Result<std::unique_ptr<ImageTarget>> MakeDirImage(const std::string& directory,
                                                  std::optional<ManifestFormat> format,
                                                  const CancelToken* cancel) {
  auto target = std::make_unique<DirTarget>(directory, format, cancel);
  TRY(target->MakeDirectory(directory));
  return target;
}

}  // namespace hoy::oci
