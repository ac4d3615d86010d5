#include "oci/transfer/store_import.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "core/sys/files.h"
#include "oci/image/layer_info.h"
#include "oci/image/manifest_encode.h"
#include "oci/image/proven_layers.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/layer_store.h"
#include "oci/layer/read_ahead.h"
#include "oci/layer/sha256.h"
#include "oci/transfer/keeping_source.h"
#include "oci/transfer/stoppable_source.h"
#include "oci/transfer/temp_blob.h"

namespace hoy::oci {
namespace {

constexpr int kMaxIndexDepth = 3;

class Import {
 public:
  Import(const core::Layout& layout, ImageSource& source, const OfferedImage& image,
         const ImportOptions& options)
      : layout_(layout),
        source_(source),
        image_(image),
        options_(options),
        images_(layout),
        layers_(OpenDirectoryLayerStore(layout)) {}

  Result<ImportedImage> Run() {
    core::RemoveStaleTemps(layout_.Ingest());
    TRY(PullLease lease, images_.BeginPull());
    TRY(ReadManifest());
    TRY(Admit());
    TRY(std::string config_bytes, source_.ReadDocument(manifest_.config));
    TRY_CONTEXT_SET(ImageConfig config, ParseImageConfig(config_bytes), "config '{}'",
                    manifest_.config.digest.Short());
    documents_.emplace_back(manifest_.config.digest, std::move(config_bytes));
    TRY(CheckPlatform(config));
    if (config.diff_ids.size() != manifest_.layers.size()) {
      return Fail(ErrorKind::kCorrupt, "the manifest has {} layers, the config {}",
                  manifest_.layers.size(), config.diff_ids.size());
    }
    TRY(lease.Protect(Blobs(), {}));
    std::vector<Digest> chain_ids = ChainIds(config.diff_ids);
    TRY(lease.Protect({}, chain_ids));
    TRY(ImportLayers(config.diff_ids, chain_ids));
    for (const auto& [digest, bytes] : documents_) {
      if (!images_.HasBlob(digest)) TRY(images_.WriteBlob(digest, bytes));
    }
    return Publish(config, chain_ids);
  }

 private:
  struct Job {
    size_t layer = 0;
    bool keep_blob = false;  // the store lacks it, and this job is the one to bring it
    bool unpack = false;
    bool prove = false;  // it is here unpacked; whether the blob is that layer is not known
    std::unique_ptr<LayerWriter> writer;
    std::optional<TempBlob> blob;
  };

  Result<> ReadManifest() {
    Descriptor wanted = image_.target;
    for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
      TRY(std::string bytes, source_.ReadDocument(wanted));
      TRY(ManifestOrIndex parsed, ParseManifestOrIndex(bytes, wanted.media_type));
      documents_.emplace_back(wanted.digest, std::move(bytes));
      if (auto* manifest = std::get_if<Manifest>(&parsed)) {
        manifest_ = std::move(*manifest);
        manifest_digest_ = wanted.digest;
        return {};
      }
      TRY(wanted, SelectPlatform(std::get<Index>(parsed), options_.platform));
    }
    return Fail(ErrorKind::kCorrupt, "an index in an index in an index");
  }

  Result<> Admit() const {
    if (!options_.admit) return {};
    return options_.admit(image_, manifest_digest_);
  }

  Result<> CheckPlatform(const ImageConfig& config) const {
    if (MatchRank(options_.platform, config.platform)) return {};
    std::string text = fmt::format("the image is for {}, not for {}", config.platform.ToString(),
                                   options_.platform.ToString());
    if (options_.platform_asked) return Fail(MakeError(ErrorKind::kNotFound, text));
    if (options_.warn) options_.warn(text);
    return {};
  }

  std::vector<Digest> Blobs() const {
    std::set<Digest> blobs;
    for (const auto& [digest, bytes] : documents_) blobs.insert(digest);
    for (const Descriptor& layer : manifest_.layers) blobs.insert(layer.digest);
    return {blobs.begin(), blobs.end()};
  }

  Result<> ImportLayers(const std::vector<Digest>& diff_ids, const std::vector<Digest>& chain_ids) {
    std::set<Digest> seen;
    std::vector<bool> here;
    ProvenLayers proven(layout_);
    for (size_t i = 0; i < chain_ids.size(); ++i) {
      const Digest& digest = manifest_.layers[i].digest;
      Job job{.layer = i,
              .keep_blob = seen.insert(digest).second && !images_.HasBlob(digest),
              .unpack = !layers_->Has(chain_ids[i])};
      job.prove = !job.unpack && !proven.IsProven(digest, diff_ids[i]);
      here.push_back(!job.keep_blob && !job.unpack && !job.prove);
      if (!here.back()) jobs_.push_back(std::move(job));
    }
    if (options_.on_layers) options_.on_layers(manifest_.layers, here);
    RunJobs(diff_ids, chain_ids);
    if (failure_) return Fail(std::move(*failure_));
    return Commit(chain_ids);
  }

  void RunJobs(const std::vector<Digest>& diff_ids, const std::vector<Digest>& chain_ids) {
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t i = next++; i < jobs_.size(); i = next++) {
        {
          std::lock_guard lock(mutex_);
          if (failure_) return;
        }
        Job& job = jobs_[i];
        Result<> done = RunJob(job, diff_ids[job.layer], chain_ids[job.layer]);
        std::lock_guard lock(mutex_);
        if (done && options_.on_layer_done) options_.on_layer_done(job.layer);
        if (!done && !failure_) {
          failure_ = std::move(done).error().InContext(
              fmt::format("layer '{}'", manifest_.layers[job.layer].digest.Short()));
        }
      }
    };
    std::vector<std::jthread> threads;
    size_t count = std::min(jobs_.size(), static_cast<size_t>(std::max(options_.unpackers, 1)));
    for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
    work();
  }

  Result<> RunJob(Job& job, const Digest& diff_id, const Digest& chain_id) {
    const Descriptor& layer = manifest_.layers[job.layer];
    if (!job.keep_blob && images_.HasBlob(layer.digest))
      return UnpackStored(job, diff_id, chain_id);
    TRY(std::unique_ptr<SourceBlob> blob, source_.OpenBlob(layer));
    int file = -1;
    if (job.keep_blob) {
      TRY(job.blob, TempBlob::Make(layout_));
      TRY(bool moved, blob->MoveTo(job.blob->path()));
      if (!moved) file = job.blob->fd().get();
    }
    // The diff ID of a plain layer is its digest: one hash serves both.
    bool one_hash = job.unpack && layer.digest == diff_id;
    Sha256 hash;
    StoppableSource stoppable(*blob, options_.cancel);
    KeepingSource source(stoppable, file, one_hash ? nullptr : &hash);
    TRY(job.unpack || job.prove ? Unpack(job, source, diff_id, chain_id) : ReadThrough(source));
    if (source.total() != layer.size) {
      return Fail(ErrorKind::kCorrupt, "it has {} bytes, the manifest promises {}", source.total(),
                  layer.size);
    }
    if (one_hash) return {};
    if (Digest got = hash.Finish(); got != layer.digest) {
      return Fail(ErrorKind::kCorrupt, "its digest is {}, the manifest promises {}", got.ToString(),
                  layer.digest.ToString());
    }
    return {};
  }

  Result<> UnpackStored(Job& job, const Digest& diff_id, const Digest& chain_id) {
    std::string path = images_.BlobPath(manifest_.layers[job.layer].digest);
    TRY(Fd file, core::OpenAt(core::kCwd, path, O_RDONLY));
    FdSource stored(file, path);
    StoppableSource source(stored, options_.cancel);
    return Unpack(job, source, diff_id, chain_id);
  }

  // Or only compares, where the layer is here.
  Result<> Unpack(Job& job, ByteSource& source, const Digest& diff_id, const Digest& chain_id) {
    AppliedLayer applied;
    if (job.unpack) {
      TRY(job.writer, layers_->Begin(chain_id));
      TRY(applied, job.writer->Apply(source, ApplyOptions{}));
    } else {
      TRY(applied.diff_id, DiffIdOf(source));
    }
    if (applied.diff_id == diff_id) return {};
    Error error = MakeError(ErrorKind::kCorrupt,
                            fmt::format("unpacked it is {}, but the image's config says {}",
                                        applied.diff_id.ToString(), diff_id.ToString()));
    error.stage = "verify-layer";
    error.hint = "the image was put together wrongly, or its archive is damaged";
    return Fail(std::move(error));
  }

  static Result<> ReadThrough(ByteSource& source) {
    std::vector<std::byte> buffer(256 << 10);
    while (true) {
      TRY(size_t count, source.Read(buffer));
      if (count == 0) return {};
    }
  }

  Result<> Commit(const std::vector<Digest>& chain_ids) {
    std::vector<std::string> lower;  // topmost first
    std::vector<std::unique_ptr<LayerWriter>> writers;
    std::map<size_t, Job*> by_layer;
    for (Job& job : jobs_) by_layer[job.layer] = &job;
    for (size_t i = 0; i < chain_ids.size(); ++i) {
      std::string directory = layers_->Directory(chain_ids[i]);
      auto job = by_layer.find(i);
      if (job != by_layer.end() && job->second->writer) {
        std::unique_ptr<LayerWriter>& writer = job->second->writer;
        TRY_CONTEXT(writer->Finish(lower), "layer '{}'", manifest_.layers[i].digest.Short());
        directory = writer->directory();
        writers.push_back(std::move(writer));
      }
      lower.insert(lower.begin(), std::move(directory));
    }
    // The blobs first: one sync for all of them, before their names.
    if (std::ranges::any_of(jobs_, [](const Job& job) { return job.blob.has_value(); })) {
      TRY(Fd blobs, core::OpenDirectory(layout_.Blobs()));
      if (syncfs(blobs.get()) != 0) return FailErrno("sync", layout_.Blobs());
      for (Job& job : jobs_) {
        if (!job.blob) continue;
        TRY(job.blob->Publish(layout_, manifest_.layers[job.layer].digest));
      }
      TRY(core::SyncDirectory(layout_.Blobs()));
    }
    return layers_->Commit(writers);
  }

  Result<ImportedImage> Publish(const ImageConfig& config, const std::vector<Digest>& chain_ids) {
    ImportedImage imported{.id = manifest_.config.digest, .manifest = manifest_digest_};
    ImageRecord record = RecordOf(imported.id, imported.manifest, config);
    record.chain_ids = chain_ids;
    record.blobs = Blobs();
    for (const Digest& chain_id : chain_ids) {
      record.size += static_cast<int64_t>(LayerFileBytes(layout_, chain_id));
    }
    for (const Reference& name : image_.names) {
      auto known = images_.Resolve(name.ToString());
      if (!known || known->record.id != imported.id) imported.changed = true;
      imported.names.push_back(name.Familiar());
    }
    TRY(images_.PublishLocal(std::move(record), image_.names));
    return imported;
  }

  const core::Layout& layout_;
  ImageSource& source_;
  const OfferedImage& image_;
  const ImportOptions& options_;
  ImageStore images_;
  std::unique_ptr<LayerStore> layers_;

  Manifest manifest_;
  Digest manifest_digest_;
  std::vector<std::pair<Digest, std::string>> documents_;  // index, manifest, config
  std::vector<Job> jobs_;                                  // bottom first
  std::mutex mutex_;  // guards failure_, serialises on_layer_done
  std::optional<Error> failure_;
};

}  // namespace

ImageRecord RecordOf(const Digest& id, const Digest& manifest, const ImageConfig& config) {
  return {.id = id,
          .manifest = manifest,
          .platform = config.platform,
          .created = config.created,
          .pulled = core::Now(),
          .diff_ids = config.diff_ids,
          .author = config.author,
          .config = config.config};
}

Result<ImportedImage> ImportImage(const core::Layout& layout, ImageSource& source,
                                  const OfferedImage& image, const ImportOptions& options) {
  return Import(layout, source, image, options).Run();
}

}  // namespace hoy::oci
