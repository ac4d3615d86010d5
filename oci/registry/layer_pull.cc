#include "oci/registry/layer_pull.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "oci/layer/read_ahead.h"
#include "oci/layer/sha256.h"
#include "oci/registry/blob_fetcher.h"
#include "oci/registry/growing_file.h"

namespace hoy::oci {
namespace {

bool IsHere(const LayerToPull& layer) {
  return layer.exists && layer.proven && !layer.wants_blob;
}

class LayerPull {
 public:
  LayerPull(RegistryClient& client, const core::Layout& layout, LayerStore& store,
            std::span<const LayerToPull> layers,
            const std::function<void(const LayerProgress&)>& report, CancelToken& cancel)
      : client_(client),
        layout_(layout),
        store_(store),
        layers_(layers),
        report_(report),
        cancel_(cancel) {
    std::map<Digest, Blob*> known;  // a blob may be the content of several layers
    for (size_t i = 0; i < layers.size(); ++i) {
      progress_.push_back(InitialProgress(layers[i], i));
      if (IsHere(layers[i])) continue;
      Blob*& blob = known[layers[i].blob.digest];
      if (!blob) {
        blobs_.push_back(std::make_unique<Blob>());
        blob = blobs_.back().get();
        blob->descriptor = &layers[i].blob;
      }
      blob->layers.push_back(i);
      if (layers[i].exists && layers[i].proven) continue;
      jobs_.push_back(Job{.layer = i, .blob = blob});
    }
  }

  Result<LayerSizes> Run(const LayerPullOptions& options) {
    {
      std::vector<std::jthread> threads;
      size_t downloads = std::min(blobs_.size(), static_cast<size_t>(options.downloads));
      size_t unpackers = std::min(jobs_.size(), static_cast<size_t>(options.unpackers));
      // Both take their work bottom first, so what an unpacker waits for is always on its way.
      for (size_t i = 0; i < downloads; ++i) threads.emplace_back([this] { Download(); });
      for (size_t i = 0; i < unpackers; ++i) threads.emplace_back([this] { Unpack(); });
    }
    if (failure_) return Fail(std::move(*failure_));
    TRY(cancel_.Check());
    return Commit();
  }

 private:
  struct Blob {
    const Descriptor* descriptor = nullptr;
    std::vector<size_t> layers;
    GrowingFile file;
  };
  struct Job {
    size_t layer = 0;
    Blob* blob = nullptr;
    std::unique_ptr<LayerWriter> writer;
    AppliedLayer applied;
  };

  // The first failure is the one to tell: what follows it are the threads being stopped.
  void Abort(Error error) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(error);
    cancel_.Cancel();
  }

  template <typename Change>
  void Report(size_t layer, Change change) {
    std::lock_guard lock(mutex_);
    change(progress_[layer]);
    report_(progress_[layer]);
  }

  void Download() {
    for (size_t next = next_blob_++; next < blobs_.size(); next = next_blob_++) {
      Blob& blob = *blobs_[next];
      if (auto go_on = cancel_.Check(); !go_on) {
        blob.file.Fail(std::move(go_on).error());
        continue;
      }
      auto observer = [&](const FetchProgress& fetch) {
        for (size_t layer : blob.layers) ShowFetch(layer, fetch);
      };
      if (auto got = FetchBlob(client_, layout_, *blob.descriptor, blob.file, observer); !got) {
        Abort(std::move(got).error().InContext(
            fmt::format("layer '{}'", blob.descriptor->digest.Short())));
        continue;
      }
      for (size_t layer : blob.layers) {
        if (layers_[layer].exists && layers_[layer].proven) {
          Report(layer, [](LayerProgress& progress) { progress.state = LayerState::kDone; });
        }
      }
    }
  }

  void ShowFetch(size_t layer, const FetchProgress& fetch) {
    Report(layer, [&](LayerProgress& progress) {
      progress.downloaded = fetch.done;
      progress.note = fetch.note;
      switch (fetch.phase) {
        case FetchPhase::kWaiting: progress.state = LayerState::kShared; break;
        case FetchPhase::kRetrying: progress.state = LayerState::kRetrying; break;
        case FetchPhase::kResuming:
        case FetchPhase::kDownloading: progress.state = LayerState::kDownloading; break;
        case FetchPhase::kSyncing: progress.state = LayerState::kUnpacking; break;
      }
    });
  }

  void Unpack() {
    for (size_t next = next_job_++; next < jobs_.size(); next = next_job_++) {
      Job& job = jobs_[next];
      if (cancel_.cancelled()) return;
      if (Result<> done = UnpackOne(job); !done) {
        Abort(std::move(done).error().InContext(
            fmt::format("layer '{}'", layers_[job.layer].blob.digest.Short())));
        return;
      }
      Report(job.layer, [](LayerProgress& progress) {
        progress.unpacked = progress.total;
        progress.state = LayerState::kDone;
        progress.note.clear();
      });
    }
  }

  Result<> UnpackOne(Job& job) {
    Result<> applied = ApplyOnce(job);
    if (applied) return job.blob->file.WaitUntilDone();
    if (applied.error().kind != ErrorKind::kCorrupt) return applied;
    // What is to blame for bytes that make no sense is the download, if it failed.
    TRY(job.blob->file.WaitUntilDone());
    // It read what an earlier process had left, before that was verified; now it is right.
    if (job.blob->file.suspect()) return ApplyOnce(job);
    return CheckStoredBlob(job, std::move(applied).error());
  }

  Result<> ApplyOnce(Job& job) {
    const LayerToPull& layer = layers_[job.layer];
    job.writer.reset();
    if (!layer.exists) {
      TRY(job.writer, store_.Begin(layer.chain_id));
    }
    auto consumed = [this, &job](uint64_t bytes) {
      Report(job.layer, [&](LayerProgress& progress) { progress.unpacked = bytes; });
      return cancel_.Check();
    };
    // A plain layer's diff ID is its digest, which the download is checked for: one hash does.
    std::optional<Digest> plain_digest;
    if (layer.blob.digest == layer.diff_id && job.blob->file.IsHashedByWriter()) {
      plain_digest = layer.diff_id;
    }
    auto source = job.blob->file.NewReader(consumed);
    if (job.writer) {
      TRY(job.applied, job.writer->Apply(*source, ApplyOptions{.plain_digest = plain_digest}));
    } else {
      TRY(job.applied.diff_id, DiffIdOf(*source, plain_digest));
    }
    if (job.applied.diff_id == layer.diff_id) return {};
    Error error = MakeError(ErrorKind::kCorrupt,
                            fmt::format("unpacked it is {}, but the image's config says {}",
                                        job.applied.diff_id.ToString(), layer.diff_id.ToString()));
    error.stage = "verify-layer";
    error.hint = "the image was put together wrongly; tell who made it";
    return Fail(std::move(error));
  }

  // A blob from an earlier pull that does not unpack: is it still what it was?
  Result<> CheckStoredBlob(Job& job, Error error) {
    Sha256 hash;
    auto source = job.blob->file.NewReader();
    std::vector<std::byte> buffer(1 << 20);
    while (true) {
      TRY(cancel_.Check());
      TRY(size_t count, source->Read(buffer));
      if (count == 0) break;
      hash.Update(std::span(buffer).first(count));
    }
    const Digest& digest = job.blob->descriptor->digest;
    if (hash.Finish() == digest) return Fail(std::move(error));
    ::unlink((layout_.Blobs() + "/" + digest.hex()).c_str());
    return Fail(MakeError(ErrorKind::kCorrupt, "the copy on this machine was damaged")
                    .WithHint("it has been removed: pull again"));
  }

  Result<LayerSizes> Commit() {
    LayerSizes sizes(layers_.size(), 0);
    std::vector<std::string> lower;  // topmost first
    std::vector<std::unique_ptr<LayerWriter>> writers;
    size_t next = 0;
    for (size_t i = 0; i < layers_.size(); ++i) {
      std::string directory = store_.Directory(layers_[i].chain_id);
      Job* job = next < jobs_.size() && jobs_[next].layer == i ? &jobs_[next++] : nullptr;
      if (job != nullptr && job->writer) {
        TRY_CONTEXT(job->writer->Finish(lower), "layer '{}'", layers_[i].blob.digest.Short());
        sizes[i] = job->applied.file_bytes;
        directory = job->writer->directory();
        writers.push_back(std::move(job->writer));
      }
      lower.insert(lower.begin(), std::move(directory));
    }
    TRY(cancel_.Check());
    TRY_CONTEXT(store_.Commit(writers), "store the layers");
    return sizes;
  }

  RegistryClient& client_;
  const core::Layout& layout_;
  LayerStore& store_;
  const std::span<const LayerToPull> layers_;
  const std::function<void(const LayerProgress&)>& report_;
  CancelToken& cancel_;

  std::vector<std::unique_ptr<Blob>> blobs_;
  std::vector<Job> jobs_;  // bottom first
  std::atomic<size_t> next_blob_ = 0;
  std::atomic<size_t> next_job_ = 0;

  std::mutex mutex_;  // guards the following, and serialises report_
  std::vector<LayerProgress> progress_;
  std::optional<Error> failure_;
};

}  // namespace

LayerProgress InitialProgress(const LayerToPull& layer, size_t index) {
  return {.index = index,
          .id = layer.blob.digest.Short(),
          .state = IsHere(layer) ? LayerState::kExists : LayerState::kWaiting,
          .total = static_cast<uint64_t>(layer.blob.size)};
}

Result<LayerSizes> PullLayers(RegistryClient& client, const core::Layout& layout, LayerStore& store,
                              std::span<const LayerToPull> layers, const LayerPullOptions& options,
                              const std::function<void(const LayerProgress&)>& report,
                              CancelToken& cancel) {
  return LayerPull(client, layout, store, layers, report, cancel).Run(options);
}

}  // namespace hoy::oci
