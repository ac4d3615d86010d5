#include "oci/registry/list_pusher.h"

#include <fcntl.h>

#include "core/sys/files.h"
#include "oci/image/index_edit.h"
#include "oci/image/manifest_encode.h"
#include "oci/layer/sha256.h"
#include "oci/registry/remote_image.h"

namespace hoy::oci {
namespace {

// The progress of one entry; its end is not the push's.
class EntrySink final : public ProgressSink {
 public:
  explicit EntrySink(ProgressSink& sink) : sink_(sink) {}
  void OnStart(const PullHeader& header) override { sink_.OnStart(header); }
  void OnLayer(const LayerProgress& layer) override { sink_.OnLayer(layer); }
  void OnNotice(std::string_view text) override { sink_.OnNotice(text); }
  void OnWarning(std::string_view text) override { sink_.OnWarning(text); }
  void OnEnd(const PullSummary& summary) override {
    PullSummary shown = summary;
    shown.reference = Digest::Parse(summary.digest).value_or(Digest()).Short();
    sink_.OnEnd(shown);
  }
  void OnFailure() override { sink_.OnFailure(); }

 private:
  ProgressSink& sink_;
};

class ListPush {
 public:
  ListPush(const core::Layout& layout, const ListPushRequest& request, ProgressSink& sink,
           CancelToken& cancel)
      : layout_(layout),
        request_(request),
        sink_(sink),
        cancel_(cancel),
        images_(layout),
        http_(request.push.http, cancel),
        client_(http_, request.push.target, request.push.credentials, request.push.retry, {},
                "pull,push"),
        index_(request.list.bytes) {}

  Result<PullSummary> Run() {
    for (size_t i = 0; request_.entries && i < request_.list.members.size(); ++i) {
      const Descriptor& entry = request_.list.index.manifests[i];
      std::string what = entry.platform ? entry.platform->ToString() : entry.digest.Short();
      TRY_CONTEXT(PushEntry(entry, request_.list.members[i]), "{}", what);
    }
    std::string type = request_.list.index.media_type;
    if (request_.push.format) {
      bool docker = *request_.push.format == ManifestFormat::kDocker;
      if ((type == media_type::kDockerIndex) != docker) {
        TRY(EditedManifest edited, ConvertIndex(index_, *request_.push.format));
        index_ = std::move(edited.bytes);
        type = std::move(edited.media_type);
      }
    }
    Digest digest = Sha256Of(index_);
    TRY(client_.PutManifest(request_.push.target.TagOrDigest(), index_, type, digest));
    PullSummary summary{.reference = request_.push.target.TagOrDigest(),
                        .canonical = request_.push.target.ToString(),
                        .id = digest.ToString(),
                        .digest = digest.ToString(),
                        .changed = true,
                        .push = true,
                        .manifest_bytes = index_.size(),
                        .media_type = type};
    sink_.OnEnd(summary);
    return summary;
  }

 private:
  Result<> PushEntry(const Descriptor& entry, const ListMember& member) {
    if (!member.image.empty()) {
      auto image = images_.Resolve(member.image.ToString());
      if (image) return PushHere(entry, std::move(image->record));
      if (image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
    }
    return Carry(entry, member);
  }

  Result<> PushHere(const Descriptor& entry, ImageRecord image) {
    PushRequest push = request_.push;
    push.image = std::move(image);
    push.image.manifest = entry.digest;
    push.by_digest = true;
    EntrySink sink(sink_);
    TRY(PullSummary pushed, PushImage(layout_, push, sink, cancel_));
    TRY(Digest digest, Digest::Parse(pushed.digest));
    return Replace(entry, {.media_type = pushed.media_type,
                           .digest = digest,
                           .size = static_cast<int64_t>(pushed.manifest_bytes)});
  }

  Result<> Replace(const Descriptor& entry, const Descriptor& sent) {
    if (entry.digest == sent.digest) return {};
    TRY(index_, ReplaceEntry(index_, entry.digest, sent));
    return {};
  }

  Result<> Carry(const Descriptor& entry, const ListMember& member) {
    TRY(auto remote, OriginOf(member));
    std::string bytes;
    if (auto stored = images_.ReadBlob(entry.digest)) {
      bytes = *std::move(stored);
    } else if (remote) {
      TRY(ManifestAnswer answer, FetchManifest(*remote, cancel_));
      bytes = std::move(answer.bytes);
    } else {
      return Fail(ErrorKind::kNotFound, "it is not on this machine, and nobody knows where it is");
    }
    TRY(BlobList list, ParseBlobList(bytes));
    std::vector<Digest> fetched;
    Result<> carried;
    {
      TRY(PullLease lease, images_.BeginPull());
      carried = CarryBlobs(list, remote, lease, fetched);
    }
    TRY(images_.DropBlobs(fetched));
    TRY(std::move(carried));
    Descriptor sent{.media_type = list.media_type, .digest = entry.digest, .size = entry.size};
    // What is no image's has one form only.
    if (request_.push.format && ParseManifest(bytes)) {
      TRY(EditedManifest edited, ConvertManifest(std::move(bytes), *request_.push.format));
      bytes = std::move(edited.bytes);
      sent = {.media_type = std::move(edited.media_type),
              .digest = Sha256Of(bytes),
              .size = static_cast<int64_t>(bytes.size())};
    }
    TRY(client_.PutManifest(sent.digest.ToString(), bytes, sent.media_type, sent.digest));
    return Replace(entry, sent);
  }

  Result<std::optional<RemoteImage>> OriginOf(const ListMember& member) const {
    if (member.origin.empty()) return std::nullopt;
    TRY(Reference reference, Reference::Parse(member.origin));
    TRY(RemoteImage remote, request_.push.remote(reference));
    return remote;
  }

  Result<> CarryBlobs(const BlobList& list, const std::optional<RemoteImage>& remote,
                      PullLease& lease, std::vector<Digest>& fetched) {
    std::string mount_from;
    if (remote && remote->reference.domain() == request_.push.target.domain() &&
        remote->reference.path() != request_.push.target.path()) {
      mount_from = remote->reference.path();
    }
    for (const Descriptor& blob : list.blobs) {
      if (IsForeignLayerType(blob.media_type)) continue;
      TRY(lease.Protect(std::vector{blob.digest}, {}));
      TRY(bool there, client_.HasBlob(blob.digest));
      if (there) continue;
      BlobToUpload upload{
          .digest = blob.digest,
          .size = static_cast<uint64_t>(blob.size),
          .mount_from = mount_from,
          .open = [&]() -> Result<Fd> {
            if (!images_.HasBlob(blob.digest)) {
              if (!remote) {
                return Fail(ErrorKind::kNotFound, "blob {} is not on this machine any more",
                            blob.digest.Short());
              }
              TRY(FetchBlobs(*remote, layout_, std::span(&blob, 1), cancel_));
              fetched.push_back(blob.digest);
            }
            return core::OpenAt(core::kCwd, images_.BlobPath(blob.digest), O_RDONLY);
          }};
      TRY_CONTEXT(UploadBlob(client_, upload, request_.push.upload, [](const UploadProgress&) {}),
                  "blob '{}'", blob.digest.Short());
    }
    return {};
  }

  const core::Layout& layout_;
  const ListPushRequest& request_;
  ProgressSink& sink_;
  CancelToken& cancel_;
  ImageStore images_;
  HttpClient http_;
  RegistryClient client_;
  std::string index_;  // as it is sent
};

}  // namespace

Result<PullSummary> PushList(const core::Layout& layout, const ListPushRequest& request,
                             ProgressSink& sink, CancelToken& cancel) {
  TRY_CONTEXT_SET(PullSummary summary, ListPush(layout, request, sink, cancel).Run(), "push '{}'",
                  request.push.target.Familiar());
  return summary;
}

}  // namespace hoy::oci
