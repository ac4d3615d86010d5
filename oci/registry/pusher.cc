#include "oci/registry/pusher.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "core/sys/files.h"
#include "oci/image/image_store.h"
#include "oci/image/manifest_edit.h"
#include "oci/layer/decompress.h"
#include "oci/layer/sha256.h"
#include "oci/registry/blob_fetcher.h"

namespace hoy::oci {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(BorrowedFd file) : file_(file) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      ssize_t count = ::pread(file_.get(), buffer.data(), buffer.size(), at_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailErrno("read", "a layer");
      at_ += count;
      return static_cast<size_t>(count);
    }
  }

 private:
  BorrowedFd file_;
  off_t at_ = 0;
};

// A file that goes with its last descriptor, on the disk that has room for layers.
Result<Fd> UnnamedFile(const std::string& directory) {
  static std::atomic<unsigned> counter{0};
  std::string path = fmt::format("{}/.tmp-{}-p{}", directory, getpid(), counter++);
  TRY(Fd file, core::OpenAt(core::kCwd, path, O_RDWR | O_CREAT | O_EXCL, 0600));
  // Somebody who cleans up may have been first: it is not locked.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FailErrno("unlink", path);
  return file;
}

Compression CompressionOf(std::string_view media_type) {
  if (media_type.ends_with("gzip")) return Compression::kGzip;
  if (media_type.ends_with("zstd")) return Compression::kZstd;
  return Compression::kNone;
}

std::string LayerType(PackFormat format, bool docker) {
  if (format == PackFormat::kZstd) return std::string(media_type::kOciLayerZstd);
  return std::string(docker ? media_type::kDockerLayerGzip : media_type::kOciLayerGzip);
}

class Push {
 public:
  Push(const core::Layout& layout, const PushRequest& request, ProgressSink& sink,
       CancelToken& cancel)
      : layout_(layout),
        request_(request),
        sink_(sink),
        cancel_(cancel),
        images_(layout),
        http_(request.http, cancel),
        client_(
            http_, request.target, request.credentials, request.retry,
            [this](const Error& error, std::chrono::milliseconds wait) {
              std::lock_guard lock(mutex_);
              sink_.OnNotice(fmt::format("{}; next try in {:.1f} s", error.message,
                                         static_cast<double>(wait.count()) / 1000));
            },
            "pull,push") {}

  Result<PullSummary> Run() {
    TRY(PullLease lease, images_.BeginPull());
    TRY(lease.Protect(request_.image.blobs, {}));
    TRY(std::string manifest, ReadDocument(request_.image.manifest));
    TRY(manifest_, ParseManifest(manifest));
    TRY(std::string config, ReadDocument(request_.image.id));
    if (manifest_.layers.size() != request_.image.diff_ids.size()) {
      return Fail(ErrorKind::kCorrupt, "the manifest has {} layers, the config {}",
                  manifest_.layers.size(), request_.image.diff_ids.size());
    }
    sent_ = manifest_.layers;
    Start();
    TRY(PushLayers());
    TRY(PushConfig(config));
    std::string type = manifest_.media_type;
    Digest digest = request_.image.manifest;
    if (sent_ != manifest_.layers) {
      TRY(EditedManifest edited, ReplaceLayers(manifest, sent_));
      manifest = std::move(edited.bytes);
      type = std::move(edited.media_type);
      digest = Sha256Of(manifest);
    }
    if (request_.format) {
      TRY(EditedManifest edited, ConvertManifest(std::move(manifest), *request_.format));
      manifest = std::move(edited.bytes);
      type = std::move(edited.media_type);
      digest = Sha256Of(manifest);
    }
    TRY(client_.PutManifest(request_.by_digest ? digest.ToString() : request_.target.TagOrDigest(),
                            manifest, type, digest));
    PullSummary summary{.reference = request_.target.TagOrDigest(),
                        .canonical = request_.target.ToString(),
                        .id = request_.image.id.ToString(),
                        .digest = digest.ToString(),
                        .changed = true,
                        .push = true,
                        .manifest_bytes = manifest.size(),
                        .media_type = type};
    sink_.OnEnd(summary);
    return summary;
  }

 private:
  Result<std::string> ReadDocument(const Digest& digest) const {
    auto bytes = images_.ReadBlob(digest);
    if (bytes && Sha256Of(*bytes) == digest) return bytes;
    return Fail(MakeError(ErrorKind::kNotFound,
                          fmt::format("'{}' of the image is {} on this machine", digest.ToString(),
                                      bytes ? "damaged" : "no longer"))
                    .WithHint("pull the image again"));
  }

  void Start() {
    PullHeader header{.reference = request_.target.Familiar(),
                      .tag = request_.target.TagOrDigest(),
                      .repository = request_.target.Name(),
                      .digest = request_.image.manifest.ToString(),
                      .platform = request_.image.platform.ToString(),
                      .push = true};
    for (size_t i = 0; i < sent_.size(); ++i) {
      progress_.push_back({.index = i,
                           .id = sent_[i].digest.Short(),
                           .total = static_cast<uint64_t>(sent_[i].size)});
    }
    header.layers = progress_;
    sink_.OnStart(header);
  }

  template <typename Change>
  void Report(size_t layer, Change change) {
    std::lock_guard lock(mutex_);
    change(progress_[layer]);
    sink_.OnLayer(progress_[layer]);
  }
  void ReportState(size_t layer, LayerState state, std::string note = {}) {
    Report(layer, [&](LayerProgress& progress) {
      progress.state = state;
      progress.note = std::move(note);
    });
  }

  Result<> PushLayers() {
    std::map<Digest, std::vector<size_t>> same;  // a blob may be the content of several layers
    for (size_t i = 0; i < sent_.size(); ++i) same[sent_[i].digest].push_back(i);
    std::vector<std::vector<size_t>> jobs;
    for (auto& [digest, layers] : same) jobs.push_back(std::move(layers));
    // The largest first: then the last ones to end are short.
    std::ranges::sort(
        jobs, [&](const auto& a, const auto& b) { return sent_[a[0]].size > sent_[b[0]].size; });
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t job = next++; job < jobs.size(); job = next++) {
        if (cancel_.cancelled()) return;
        if (Result<> pushed = PushLayer(jobs[job]); !pushed) {
          std::lock_guard lock(mutex_);
          Error error = std::move(pushed).error().InContext(
              fmt::format("layer '{}'", manifest_.layers[jobs[job][0]].digest.Short()));
          // The first failure is the one to tell: what follows are the threads being stopped.
          if (!failure_) failure_ = std::move(error);
          cancel_.Cancel();
          return;
        }
      }
    };
    {
      std::vector<std::jthread> threads;
      size_t count = std::min(jobs.size(), static_cast<size_t>(std::max(request_.uploads, 1)));
      for (size_t i = 0; i < count; ++i) threads.emplace_back(work);
    }
    if (failure_) return Fail(std::move(*failure_));
    return cancel_.Check();
  }

  std::optional<PackOptions> PackingOf(const Descriptor& layer) const {
    Compression now = CompressionOf(layer.media_type);
    if (!request_.pack) {
      if (now != Compression::kNone) return std::nullopt;
      return PackOptions{};
    }
    bool same = now == (request_.pack->format == PackFormat::kGzip ? Compression::kGzip
                                                                   : Compression::kZstd);
    if (same && !request_.pack_all) return std::nullopt;
    return request_.pack;
  }

  // `layers` have the same blob.
  Result<> PushLayer(const std::vector<size_t>& layers) {
    const size_t first = layers[0];
    const Descriptor& stored = manifest_.layers[first];
    BlobToUpload blob{.digest = stored.digest, .size = static_cast<uint64_t>(stored.size)};
    Fd packed_file;
    if (auto packing = PackingOf(stored)) {
      TRY(packed_file, UnnamedFile(layout_.Ingest()));
      TRY(PackedLayer packed, Pack(first, *packing, packed_file));
      blob = {.digest = packed.digest, .size = static_cast<uint64_t>(packed.size)};
      bool docker = manifest_.media_type == media_type::kDockerManifest;
      for (size_t layer : layers) {
        sent_[layer].media_type = LayerType(packing->format, docker);
        sent_[layer].digest = packed.digest;
        sent_[layer].size = packed.size;
        Report(layer, [&](LayerProgress& progress) { progress.total = blob.size; });
      }
      blob.open = [&] { return Result<Fd>(std::move(packed_file)); };
    } else {
      blob.mount_from = MountSource();
      blob.open = [&] { return OpenLayer(first); };
    }
    TRY(bool there, client_.HasBlob(blob.digest));
    if (there) {
      for (size_t layer : layers) ReportState(layer, LayerState::kExists);
      return {};
    }
    auto observer = [&](const UploadProgress& upload) {
      for (size_t layer : layers) {
        Report(layer, [&](LayerProgress& progress) {
          progress.state = upload.note.empty() ? LayerState::kUploading : LayerState::kRetrying;
          progress.downloaded = upload.done;
          progress.note = upload.note;
        });
      }
    };
    auto end = UploadBlob(client_, blob, request_.upload, observer);
    if (!end) return Fail(Explain(std::move(end).error(), stored.digest));
    bool mounted = *end == UploadEnd::kMounted;
    for (size_t layer : layers) {
      ReportState(layer, mounted ? LayerState::kMounted : LayerState::kPushed,
                  mounted ? blob.mount_from : "");
    }
    return {};
  }

  // A digest that the registry refuses: is it the file here, or what is between?
  Error Explain(Error error, const Digest& digest) const {
    bool refused = error.stage == "status" && error.message.find("igest") != std::string::npos;
    if (!refused) return error;
    auto file = core::OpenAt(core::kCwd, images_.BlobPath(digest), O_RDONLY);
    if (!file) return error;
    FileSource source(*file);
    Sha256 hash;
    std::vector<std::byte> buffer(1 << 20);
    while (true) {
      auto count = source.Read(buffer);
      if (!count) return error;
      if (*count == 0) break;
      hash.Update(std::span(buffer).first(*count));
    }
    if (hash.Finish() == digest) return error;
    return MakeError(ErrorKind::kCorrupt, "the copy on this machine is damaged")
        .WithHint("remove the image and pull it again");
  }

  Result<PackedLayer> Pack(size_t layer, const PackOptions& packing, BorrowedFd file) {
    TRY(Fd stored, OpenLayer(layer));
    FileSource source(stored);
    ReportState(layer, LayerState::kPacking);
    TRY(PackedLayer packed,
        PackLayer(source, packing, file, [&](uint64_t) { return cancel_.Check(); }));
    if (packed.diff_id == request_.image.diff_ids[layer]) return packed;
    return Fail(MakeError(ErrorKind::kCorrupt, "the copy on this machine is damaged")
                    .WithHint("remove the image and pull it again"));
  }

  // A repository of the same registry that the image was pulled from.
  std::string MountSource() const {
    for (const std::string& origin : request_.image.repo_digests) {
      auto reference = Reference::Parse(origin);
      if (reference && reference->domain() == request_.target.domain() &&
          reference->path() != request_.target.path()) {
        return reference->path();
      }
    }
    return "";
  }

  // The stored blob; one that is gone is fetched from where the image came from.
  Result<Fd> OpenLayer(size_t layer) {
    const Descriptor& blob = manifest_.layers[layer];
    std::string path = images_.BlobPath(blob.digest);
    auto file = core::OpenAt(core::kCwd, path, O_RDONLY);
    if (file || file.error().system_errno != ENOENT) return file;
    Error gone = MakeError(ErrorKind::kNotFound, "its blob is no longer on this machine");
    gone.hint = "pull the image again";
    for (const std::string& origin : request_.image.repo_digests) {
      auto reference = Reference::Parse(origin);
      if (!reference || !request_.remote) continue;
      auto observer = [&](const FetchProgress& fetch) {
        Report(layer, [&](LayerProgress& progress) {
          progress.state = LayerState::kFetching;
          progress.downloaded = fetch.done;
        });
      };
      auto fetch = [&]() -> Result<> {
        TRY(RemoteImage source, request_.remote(*reference));
        return FetchBlobs(source, layout_, std::span(&blob, 1), cancel_, observer);
      };
      Result<> fetched = fetch();
      if (fetched) return core::OpenAt(core::kCwd, path, O_RDONLY);
      TRY(cancel_.Check());
      gone.message +=
          fmt::format("; fetch it from '{}': {}", reference->Name(), fetched.error().message);
    }
    return Fail(std::move(gone));
  }

  Result<> PushConfig(const std::string& config) {
    TRY(bool there, client_.HasBlob(request_.image.id));
    if (there) return {};
    BlobToUpload blob{.digest = request_.image.id,
                      .size = config.size(),
                      .mount_from = MountSource(),
                      .open = [this] {
                        return core::OpenAt(core::kCwd, images_.BlobPath(request_.image.id),
                                            O_RDONLY);
                      }};
    TRY_CONTEXT(UploadBlob(client_, blob, request_.upload, [](const UploadProgress&) {}),
                "config '{}'", request_.image.id.Short());
    return {};
  }

  const core::Layout& layout_;
  const PushRequest& request_;
  ProgressSink& sink_;
  CancelToken& cancel_;
  ImageStore images_;
  HttpClient http_;
  RegistryClient client_;
  Manifest manifest_;             // as it is here
  std::vector<Descriptor> sent_;  // its layers as they are sent; each thread changes its own

  std::mutex mutex_;  // guards the following, and serialises sink_
  std::vector<LayerProgress> progress_;
  std::optional<Error> failure_;
};

}  // namespace

Result<PullSummary> PushImage(const core::Layout& layout, const PushRequest& request,
                              ProgressSink& sink, CancelToken& cancel) {
  if (request.pack) TRY(CheckPackOptions(*request.pack));
  auto summary = Push(layout, request, sink, cancel).Run();
  if (!summary) {
    sink.OnFailure();
    return Fail(
        std::move(summary).error().InContext(fmt::format("push '{}'", request.target.Familiar())));
  }
  return summary;
}

}  // namespace hoy::oci
