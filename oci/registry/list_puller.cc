#include "oci/registry/list_puller.h"

#include <algorithm>
#include <set>

#include "oci/image/image_store.h"
#include "oci/registry/remote_image.h"
#include "oci/trust/gate.h"

namespace hoy::oci {
namespace {

// The progress of one image of the list, whose lines say which platform it is about.
class PlatformSink final : public ProgressSink {
 public:
  PlatformSink(ProgressSink& sink, const Reference& name, std::string platform)
      : sink_(sink), name_(name), platform_(std::move(platform)) {}

  void OnStart(const PullHeader& header) override {
    PullHeader shown = header;
    shown.reference = name_.Familiar();
    shown.tag = fmt::format("{} ({})", name_.TagOrDigest(), platform_);
    sink_.OnStart(shown);
  }
  void OnLayer(const LayerProgress& layer) override { sink_.OnLayer(layer); }
  void OnNotice(std::string_view text) override { sink_.OnNotice(text); }
  void OnWarning(std::string_view text) override { sink_.OnWarning(text); }
  void OnEnd(const PullSummary& summary) override {
    PullSummary shown = summary;
    shown.reference = fmt::format("{} ({})", name_.Familiar(), platform_);
    sink_.OnEnd(shown);
  }
  void OnFailure() override { sink_.OnFailure(); }

 private:
  ProgressSink& sink_;
  const Reference& name_;
  const std::string platform_;
};

class ListPull {
 public:
  ListPull(const core::Layout& layout, const PullRequest& request,
           const std::vector<Platform>& platforms, ProgressSink& sink, CancelToken& cancel)
      : layout_(layout),
        request_(request),
        platforms_(platforms),
        sink_(sink),
        cancel_(cancel),
        images_(layout),
        remote_{.reference = request.reference,
                .endpoints = request.endpoints,
                .credentials = request.credentials,
                .http = request.http,
                .retry = request.retry} {}

  Result<PullSummary> Run() {
    if (request_.policy) {
      TRY(CheckBeforeAsking(*request_.policy, DockerIdentity(request_.reference)));
    }
    TRY(bool is_list, FetchIndex());
    if (!is_list) {
      PullRequest single = request_;
      if (!platforms_.empty()) single.platform = platforms_.front();
      return PullImage(layout_, single, sink_, cancel_);
    }
    TRY(ChooseEntries());
    TRY(CheckPolicy());
    TRY(PullLease lease, images_.BeginPull());
    NewList list{.name = request_.reference,
                 .digest = digest_,
                 .bytes = bytes_,
                 .members = {},
                 .expected = std::nullopt,
                 .repo_digest = request_.reference.WithDigest(digest_).ToString(),
                 .absorbed = {}};
    for (const Descriptor& entry : index_.manifests) {
      TRY(ListMember member, PullEntry(entry, list, lease));
      list.members.push_back(std::move(member));
    }
    bool changed = !known_ || known_->digest != digest_ || known_->members != list.members;
    if (changed) TRY(images_.PublishList(list));
    return PullSummary{.reference = request_.reference.Familiar(),
                       .canonical = request_.reference.ToString(),
                       .id = digest_.ToString(),
                       .digest = digest_.ToString(),
                       .changed = changed};
  }

 private:
  // False: the name is one image's.
  Result<bool> FetchIndex() {
    TRY(known_, images_.FindList(request_.reference.ToString()));
    if (known_) {
      auto current = AskDigest(remote_, cancel_);
      if (current && *current == known_->digest) {
        digest_ = known_->digest;
        bytes_ = known_->bytes;
        index_ = known_->index;
        return true;
      }
    }
    TRY(ManifestAnswer answer, FetchManifest(remote_, cancel_));
    TRY(ManifestOrIndex document, ParseManifestOrIndex(answer.bytes, answer.media_type));
    auto* index = std::get_if<Index>(&document);
    if (index == nullptr) return false;
    digest_ = answer.digest;
    bytes_ = std::move(answer.bytes);
    index_ = std::move(*index);
    return true;
  }

  Result<> ChooseEntries() {
    for (const Platform& platform : platforms_) {
      TRY(Descriptor entry, SelectPlatform(index_, platform));
      chosen_.insert(entry.digest);
    }
    for (const Descriptor& entry : index_.manifests) {
      if (IsIndexType(entry.media_type)) {
        return Fail(MakeError(ErrorKind::kUnsupported, "the index has another index in it")
                        .WithHint("pull its platforms one by one, with a single --platform"));
      }
      if (platforms_.empty()) chosen_.insert(entry.digest);
    }
    return {};
  }

  Result<ListMember> PullEntry(const Descriptor& entry, NewList& list, PullLease& lease) {
    Reference name = request_.reference.WithDigest(entry.digest);
    ListMember member{
        .manifest = entry.digest, .image = {}, .origin = name.ToString(), .blobs = {}};
    if (!chosen_.contains(entry.digest)) {
      if (known_) {
        auto old = std::ranges::find(known_->members, entry.digest, &ListMember::manifest);
        if (old != known_->members.end()) return *old;
      }
      return member;
    }
    if (entry.platform && entry.platform->os == "unknown") {
      TRY(member.blobs, FetchOther(entry, lease));
      return member;
    }
    bool named = images_.HasName(name);
    PullRequest single = request_;
    single.reference = name;
    single.policy.reset();  // it is let in, but not what it could lead to
    single.image_only = true;
    single.endpoints = remote_.WithDigest(entry.digest).endpoints;
    if (entry.platform) single.platform = *entry.platform;
    single.platform_asked = false;
    std::string platform = entry.platform ? entry.platform->ToString() : entry.digest.Short();
    PlatformSink sink(sink_, request_.reference, platform);
    auto pulled = PullImage(layout_, single, sink, cancel_);
    if (!pulled) {
      if (pulled.error().kind != ErrorKind::kUnsupported) return Fail(std::move(pulled).error());
      sink_.OnWarning(fmt::format("{} is left out: {}", platform, pulled.error().message));
      return member;
    }
    TRY(member.image, Digest::Parse(pulled->id));
    if (!named) list.absorbed.push_back(name);
    return member;
  }

  // All or none is let in, what is no image, too, before any of it is fetched.
  Result<> CheckPolicy() {
    if (!request_.policy) return {};
    ImageIdentity image = DockerIdentity(request_.reference);
    image.of_list = true;
    for (const Descriptor& entry : index_.manifests) {
      if (!chosen_.contains(entry.digest)) continue;
      std::string what = entry.platform ? entry.platform->ToString() : entry.digest.Short();
      TRY_CONTEXT(
          CheckRemoteImage(*request_.policy, image, remote_.WithDigest(entry.digest), cancel_),
          "{}", what);
    }
    return {};
  }

  // An entry that is no image: its manifest and what that refers to, as blobs.
  Result<std::vector<Digest>> FetchOther(const Descriptor& entry, PullLease& lease) {
    RemoteImage remote = remote_.WithDigest(entry.digest);
    TRY(lease.Protect(std::vector{entry.digest}, {}));
    std::string bytes;
    if (auto stored = images_.ReadBlob(entry.digest)) {
      bytes = *std::move(stored);
    } else {
      TRY(ManifestAnswer answer, FetchManifest(remote, cancel_));
      bytes = std::move(answer.bytes);
    }
    TRY(BlobList list, ParseBlobList(bytes));
    std::vector<Digest> blobs;
    for (const Descriptor& blob : list.blobs) blobs.push_back(blob.digest);
    TRY(lease.Protect(blobs, {}));
    TRY(FetchBlobs(remote, layout_, list.blobs, cancel_));
    if (!images_.HasBlob(entry.digest)) TRY(images_.WriteBlob(entry.digest, bytes));
    return blobs;
  }

  const core::Layout& layout_;
  const PullRequest& request_;
  const std::vector<Platform>& platforms_;
  ProgressSink& sink_;
  CancelToken& cancel_;
  ImageStore images_;
  RemoteImage remote_;
  std::optional<StoredList> known_;  // what the name means here now, if that is a list
  Digest digest_;
  std::string bytes_;
  Index index_;
  std::set<Digest> chosen_;
};

}  // namespace

Result<PullSummary> PullPlatforms(const core::Layout& layout, const PullRequest& request,
                                  const std::vector<Platform>& platforms, ProgressSink& sink,
                                  CancelToken& cancel) {
  TRY_CONTEXT_SET(PullSummary summary, ListPull(layout, request, platforms, sink, cancel).Run(),
                  "pull '{}'", request.reference.Familiar());
  return summary;
}

}  // namespace hoy::oci
