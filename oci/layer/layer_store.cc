#include "oci/layer/layer_store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/sys/files.h"
#include "oci/image/layer_directory.h"
#include "oci/image/layer_info.h"
#include "oci/image/layer_path.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

// Tells ext4 that the trees in this directory have nothing to do with each other, so that each gets
// a block group of its own (chattr(1), attribute T). Otherwise a new layer lands where another was
// deleted less than a minute ago, and every file creation there steps over all the freed inodes:
// measured 10 times the time. Best effort: other file systems refuse or ignore it.
void SpreadLayers(const std::string& layers) {
  auto fd = core::OpenDirectory(layers);
  int flags = 0;
  if (!fd || ioctl(fd->get(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  (void)ioctl(fd->get(), FS_IOC_SETFLAGS, &flags);
}

// What only root may do is the first thing that a layer of a user's asks for.
Error ExplainUnpacking(Error error) {
  if (error.system_errno == EPERM && error.hint.empty()) {
    error.hint = "layers have files of several owners, and devices: run hoy as root";
  }
  return error;
}

class DirectoryLayerWriter final : public LayerWriter {
 public:
  DirectoryLayerWriter(core::Layout layout, Digest chain_id, LockedDirectory staging, Fd files)
      : layout_(std::move(layout)),
        chain_id_(std::move(chain_id)),
        staging_(std::move(staging)),
        files_(std::move(files)) {}
  DirectoryLayerWriter(const DirectoryLayerWriter&) = delete;
  DirectoryLayerWriter& operator=(const DirectoryLayerWriter&) = delete;
  ~DirectoryLayerWriter() override {
    if (!published_) (void)core::RemoveTree(staging_.path);
  }

  const Digest& chain_id() const override { return chain_id_; }
  void Place(const Digest& chain_id) override { chain_id_ = chain_id; }

  Result<AppliedLayer> Apply(ByteSource& layer, const ApplyOptions& options) override {
    auto unpacked = ApplyLayer(layer, files_, options);
    if (!unpacked) return Fail(ExplainUnpacking(std::move(unpacked).error()));
    AppliedLayer applied = *std::move(unpacked);
    needs_ = applied.needs;
    // Synced with the layer's files by Commit.
    TRY(core::WriteFileAtomically(
        staging_.path + "/" + kLayerInfoName,
        EncodeLayerInfo({.diff_id = applied.diff_id,
                         .tar_bytes = static_cast<int64_t>(applied.tar_bytes),
                         .file_bytes = static_cast<int64_t>(applied.file_bytes)}),
        core::Durability::kVolatile));
    return applied;
  }

  Result<> Finish(const std::vector<std::string>& lower_directories) override {
    return FinishLayer(files_, needs_, lower_directories);
  }

  std::string directory() const override {
    return published_ ? LayerFiles(layout_, chain_id_) : staging_.path + "/fs";
  }

  Result<> Sync() const {
    return syncfs(files_.get()) == 0 ? Result<>{} : FailErrno("sync", layout_.Layers());
  }

  Result<> Publish() {
    std::string layer = LayerDirectory(layout_, chain_id_);
    if (rename(staging_.path.c_str(), layer.c_str()) == 0) {
      published_ = true;
    } else if (errno == ENOTEMPTY || errno == EEXIST) {
      // Another process was first, with the same bytes.
      TRY(core::RemoveTree(staging_.path));
      published_ = true;
    } else {
      return FailErrno("rename", staging_.path);
    }
    staging_.lock.reset();
    return {};
  }

 private:
  core::Layout layout_;
  Digest chain_id_;
  LockedDirectory staging_;
  Fd files_;
  LowerNeeds needs_;
  bool published_ = false;
};

class DirectoryLayerStore final : public LayerStore {
 public:
  explicit DirectoryLayerStore(core::Layout layout) : layout_(std::move(layout)) {}

  bool Has(const Digest& chain_id) const override {
    return core::Exists(LayerDirectory(layout_, chain_id));
  }

  std::string Directory(const Digest& chain_id) const override {
    return LayerFiles(layout_, chain_id);
  }

  Result<std::unique_ptr<LayerWriter>> Begin(const Digest& chain_id) override {
    RemoveDeadStaging(layout_);
    SpreadLayers(layout_.Layers());
    TRY(LockedDirectory staging, MakeStagingDirectory(layout_));
    std::string files = staging.path + "/fs";
    TRY(core::MakeDirectory(files, 0755));
    TRY(Fd fd, core::OpenDirectory(files));
    if (fchmod(fd.get(), 0755) != 0) return FailErrno("change mode", files);
    return std::make_unique<DirectoryLayerWriter>(layout_, chain_id, std::move(staging),
                                                  std::move(fd));
  }

  Result<> Commit(std::span<const std::unique_ptr<LayerWriter>> writers) override {
    if (writers.empty()) return {};
    // All writers of this store are DirectoryLayerWriters, on one file system.
    TRY(static_cast<const DirectoryLayerWriter&>(*writers.front()).Sync());
    for (const auto& writer : writers) {
      TRY(static_cast<DirectoryLayerWriter&>(*writer).Publish());
    }
    return core::SyncDirectory(layout_.Layers());
  }

 private:
  core::Layout layout_;
};

}  // namespace

std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids) {
    chain.push_back(chain.empty() ? diff_id
                                  : Sha256Of(chain.back().ToString() + " " + diff_id.ToString()));
  }
  return chain;
}

std::unique_ptr<LayerStore> OpenDirectoryLayerStore(const core::Layout& layout) {
  return std::make_unique<DirectoryLayerStore>(layout);
}

}  // namespace hoy::oci
