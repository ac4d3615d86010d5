// manifest create, add, annotate and remove: a list is read, changed and put back, as long as
// nobody else changed it in between; otherwise all of it is done again.

#include <algorithm>
#include <functional>

#include "cli/ops/heavy/admission.h"
#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/open_source.h"
#include "cli/ops/heavy/remote.h"
#include "cli/ops/manifest_verbs.h"
#include "cli/ops/one_registry.h"
#include "cli/ops/transport.h"
#include "core/base/text.h"
#include "oci/image/image_store.h"
#include "oci/image/index_edit.h"
#include "oci/layer/sha256.h"
#include "oci/transfer/store_import.h"

namespace hoy::cli {
namespace {

constexpr int kMaxTries = 20;

// A list on its way: the document, and what is known about each of its entries.
struct Draft {
  std::string bytes;
  std::vector<oci::ListMember> members;  // in any order
};

Result<std::map<std::string, std::string>> ParseAnnotations(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> annotations;
  for (const std::string& text : texts) {
    Cut cut = CutAt(text, '=');
    if (!cut.after || cut.before.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "invalid annotation '{}': wants KEY=VALUE", text);
    }
    annotations[std::string(cut.before)] = *cut.after;
  }
  return annotations;
}

Result<oci::EntryEdit> EntryEditOf(const ManifestEdit& options) {
  auto given = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  oci::EntryEdit edit{.os = given(options.os),
                      .architecture = given(options.architecture),
                      .variant = given(options.variant),
                      .os_version = given(options.os_version),
                      .os_features = options.os_features,
                      .features = options.features,
                      .annotations = {}};
  TRY(edit.annotations, ParseAnnotations(options.annotations));
  return edit;
}

void AddMember(Draft& draft, oci::ListMember member) {
  auto same = std::ranges::find(draft.members, member.manifest, &oci::ListMember::manifest);
  if (same == draft.members.end()) {
    draft.members.push_back(std::move(member));
  } else if (same->image.empty()) {
    *same = std::move(member);
  }
}

// One image, or what is in a list, from this machine or a registry, into a draft.
class Adding {
 public:
  Adding(Context& context, const RegistryAccess& access, bool all)
      : context_(context), store_(context.layout), access_(access), all_(all), handler_(cancel_) {}

  // --creds are for the registry of those that are not here.
  Result<> CheckCreds(const std::vector<std::string>& images) const {
    std::vector<std::string> remote;
    for (const std::string& image : images) {
      if (image.starts_with(kLocal)) continue;
      bool here = !image.starts_with("docker://") && (IsList(image) || store_.Resolve(image));
      if (!here) remote.push_back(image);
    }
    TRY(auto registries, RegistriesOf(remote));
    return CheckOneRegistry(access_.creds, registries);
  }

  // Returns the entries that it stands for.
  Result<std::vector<oci::Digest>> Add(Draft& draft, const std::string& image) {
    if (auto transport = ParseTransport(image)) return AddFromFiles(draft, *transport);
    bool local_only = image.starts_with(kLocal);
    bool remote_only = image.starts_with("docker://");
    std::string name =
        local_only ? image.substr(kLocal.size()) : std::string(WithoutDockerTransport(image));
    if (!remote_only) {
      TRY(auto list, store_.FindList(name));
      if (list) return AddIndex(draft, list->bytes, list->index, list->members, name);
      auto resolved = store_.Resolve(name);
      if (resolved) return AddLocal(draft, resolved->record);
      bool elsewhere = resolved.error().kind == ErrorKind::kNotFound && !local_only;
      if (!elsewhere) return Fail(std::move(resolved).error());
    }
    return AddRemote(draft, name);
  }

 private:
  static constexpr std::string_view kLocal = "containers-storage:";

  bool IsList(const std::string& name) const {
    auto list = store_.FindList(name);
    return list && list->has_value();
  }

  Result<std::vector<oci::Digest>> AddLocal(Draft& draft, const oci::ImageRecord& record) {
    TRY(std::string bytes, store_.ReadBlob(record.manifest));
    TRY(oci::Manifest manifest, oci::ParseManifest(bytes));
    oci::Descriptor entry{.media_type = manifest.media_type,
                          .digest = record.manifest,
                          .size = static_cast<int64_t>(bytes.size()),
                          .platform = record.platform,
                          .annotations = {}};
    TRY(draft.bytes, oci::AddEntry(draft.bytes, entry));
    oci::ListMember member{.manifest = entry.digest, .image = record.id};
    for (const std::string& origin : record.repo_digests) {
      if (origin.ends_with(record.manifest.hex())) member.origin = origin;
    }
    AddMember(draft, std::move(member));
    return std::vector{entry.digest};
  }

  // Its images come here first, without a name: they are the list's.
  Result<std::vector<oci::Digest>> AddFromFiles(Draft& draft, const TransportReference& from) {
    TRY(ChosenSource chosen, OpenTransport(context_.layout, from, cancel_));
    TRY(Admission admit, MakeAdmission("", *chosen.source, from.path));
    std::vector<oci::Digest> added;
    for (const oci::OfferedImage& image : chosen.images) {
      oci::ImportOptions import;
      import.cancel = &cancel_;
      import.warn = [this](std::string_view text) { context_.Warn(text); };
      import.admit = [&](const oci::OfferedImage&, const oci::Digest& manifest) {
        return admit(image, manifest);
      };
      TRY(std::vector<oci::Descriptor> targets, TargetsIn(*chosen.source, image));
      for (const oci::Descriptor& target : targets) {
        if (target.platform) import.platform = *target.platform;
        TRY(oci::ImportedImage imported, oci::ImportImage(context_.layout, *chosen.source,
                                                          {.names = {}, .target = target}, import));
        TRY(oci::ResolvedImage resolved, store_.Resolve(imported.id.ToString()));
        TRY(std::vector<oci::Digest> one, AddLocal(draft, resolved.record));
        added.insert(added.end(), one.begin(), one.end());
      }
    }
    return added;
  }

  // The image that is offered, or with --all those of the list that is.
  Result<std::vector<oci::Descriptor>> TargetsIn(oci::ImageSource& source,
                                                 const oci::OfferedImage& image) const {
    std::vector<oci::Descriptor> targets = {image.target};
    if (!all_) return targets;
    TRY(std::string bytes, source.ReadDocument(image.target));
    TRY(auto document, oci::ParseManifestOrIndex(bytes, image.target.media_type));
    auto* index = std::get_if<oci::Index>(&document);
    if (index == nullptr) return targets;
    targets = std::move(index->manifests);
    std::erase_if(targets, [](const oci::Descriptor& entry) {  // attestations
      return entry.platform && entry.platform->os == "unknown";
    });
    return targets;
  }

  Result<std::vector<oci::Digest>> AddRemote(Draft& draft, const std::string& name) {
    TRY(oci::RemoteImage remote, RemoteImageOf(name, access_));
    TRY(oci::ManifestAnswer answer, oci::FetchManifest(remote, cancel_));
    TRY(auto document, oci::ParseManifestOrIndex(answer.bytes, answer.media_type));
    if (auto* index = std::get_if<oci::Index>(&document)) {
      std::vector<oci::ListMember> members;
      for (const oci::Descriptor& entry : index->manifests) {
        members.push_back({.manifest = entry.digest,
                           .origin = remote.reference.WithDigest(entry.digest).ToString()});
      }
      return AddIndex(draft, answer.bytes, *index, members, name);
    }
    const auto& manifest = std::get<oci::Manifest>(document);
    TRY(oci::ImageConfig config, oci::FetchConfig(remote, manifest.config, cancel_));
    oci::Descriptor entry{.media_type = manifest.media_type,
                          .digest = answer.digest,
                          .size = static_cast<int64_t>(answer.bytes.size()),
                          .platform = config.platform,
                          .annotations = {}};
    TRY(draft.bytes, oci::AddEntry(draft.bytes, entry));
    // With its tag, by which docker's `manifest annotate` names it.
    std::string origin = remote.reference.ToString();
    if (remote.reference.digest().empty()) origin += "@" + entry.digest.ToString();
    AddMember(draft, {.manifest = entry.digest, .origin = std::move(origin)});
    return std::vector{entry.digest};
  }

  Result<std::vector<oci::Digest>> AddIndex(Draft& draft, const std::string& bytes,
                                            const oci::Index& index,
                                            const std::vector<oci::ListMember>& members,
                                            const std::string& name) {
    std::vector<oci::Digest> added;
    if (all_) {
      for (const oci::Descriptor& entry : index.manifests) added.push_back(entry.digest);
    } else {
      TRY_CONTEXT_SET(oci::Descriptor entry, oci::SelectPlatform(index, oci::HostPlatform()),
                      "'{}' is a list; --all takes all of it", name);
      added.push_back(entry.digest);
    }
    for (const oci::ListMember& member : members) {
      if (std::ranges::find(added, member.manifest) == added.end()) continue;
      TRY(draft.bytes, oci::CopyEntry(draft.bytes, bytes, member.manifest));
      AddMember(draft, member);
    }
    return added;
  }

  Context& context_;
  oci::ImageStore store_;
  const RegistryAccess& access_;
  const bool all_;
  oci::CancelToken cancel_;
  CancelOnSignal handler_;
};

// The members in the order of the document.
Result<std::vector<oci::ListMember>> Sorted(const Draft& draft) {
  TRY(auto document, oci::ParseManifestOrIndex(draft.bytes, {}));
  std::vector<oci::ListMember> members;
  for (const oci::Descriptor& entry : std::get<oci::Index>(document).manifests) {
    auto known = std::ranges::find(draft.members, entry.digest, &oci::ListMember::manifest);
    members.push_back(known != draft.members.end() ? *known
                                                   : oci::ListMember{.manifest = entry.digest});
  }
  return members;
}

Result<oci::Digest> Publish(const oci::ImageStore& store, const oci::Reference& name,
                            const Draft& draft, std::optional<oci::Digest> expected) {
  if (draft.bytes.size() > oci::kMaxDocumentBytes) {
    return Fail(ErrorKind::kInvalidArgument, "the list becomes too large");
  }
  oci::NewList list{.name = name,
                    .digest = oci::Sha256Of(draft.bytes),
                    .bytes = draft.bytes,
                    .members = {},
                    .expected = std::move(expected),
                    .repo_digest = {},
                    .absorbed = {}};
  TRY(list.members, Sorted(draft));
  TRY(store.PublishList(list));
  return list.digest;
}

// `change(Draft&)` may be called several times.
Result<> Change(Context& context, const std::string& name,
                const std::function<Result<>(Draft&)>& change) {
  oci::ImageStore store(context.layout);
  for (int attempt = 1;; ++attempt) {
    TRY(oci::StoredList list, FindStoredList(store, name));
    TRY(oci::Reference reference, oci::Reference::Parse(list.reference));
    Draft draft{.bytes = list.bytes, .members = list.members};
    TRY(change(draft));
    auto published = Publish(store, reference, draft, list.digest);
    if (published) {
      context.out.Print("{}\n", published->ToString());
      return {};
    }
    if (published.error().kind != ErrorKind::kConflict || attempt == kMaxTries) {
      return Fail(std::move(published).error());
    }
  }
}

// "sha256:...", or a name or id of an image in the list.
Result<oci::Digest> FindEntry(const oci::ImageStore& store, const Draft& draft,
                              const std::string& wanted) {
  if (auto digest = oci::Digest::Parse(wanted)) {
    for (const oci::ListMember& member : draft.members) {
      if (member.manifest == *digest || member.image == *digest) return member.manifest;
    }
    return *digest;  // not there: the edit says so
  }
  auto image = store.Resolve(WithoutDockerTransport(wanted));
  auto reference = oci::Reference::ParseWithDefaultTag(WithoutDockerTransport(wanted));
  for (const oci::ListMember& member : draft.members) {
    if (image && member.image == image->record.id) return member.manifest;
    if (!reference) continue;
    auto origin = oci::Reference::Parse(member.origin);
    bool same_tag =
        origin && !origin->tag().empty() && origin->WithTag(origin->tag()) == *reference;
    if (same_tag || member.manifest == reference->digest()) return member.manifest;
  }
  return Fail(MakeError(ErrorKind::kNotFound, fmt::format("the list has no entry '{}'", wanted))
                  .WithHint("name it by its digest: 'hoy manifest inspect' shows them"));
}

}  // namespace

Result<> RunManifestCreate(Context& context, const ManifestCreateOptions& options) {
  auto create = [&]() -> Result<oci::Digest> {
    TRY(oci::Reference name, oci::Reference::ParseAsName(options.list));
    TRY(auto annotations, ParseAnnotations(options.annotations));
    TRY(core::PrepareLayout(context.layout));
    oci::ImageStore store(context.layout);
    Draft draft{.bytes = oci::EmptyIndex(), .members = {}};
    std::optional<oci::Digest> expected = oci::Digest();
    if (options.amend) {
      TRY(auto list, store.FindList(name.ToString()));
      if (list) {
        draft = {.bytes = list->bytes, .members = list->members};
        expected = list->digest;
      }
    } else if (store.HasName(name)) {  // before anything is fetched
      return Fail(MakeError(ErrorKind::kConflict, "that name is in use")
                      .WithHint("--amend adds to a list that is there"));
    }
    if (!annotations.empty()) {
      TRY(draft.bytes, oci::AnnotateIndex(draft.bytes, annotations));
    }
    Adding adding(context, options.access, options.all);
    TRY(adding.CheckCreds(options.images));
    for (const std::string& image : options.images) {
      TRY_CONTEXT(adding.Add(draft, image), "'{}'", image);
    }
    return Publish(store, name, draft, expected);
  };
  TRY_CONTEXT_SET(oci::Digest digest, create(), "manifest create '{}'", options.list);
  context.out.Print("{}\n", digest.ToString());
  return {};
}

Result<> RunManifestAdd(Context& context, const ManifestAddOptions& options) {
  auto add = [&]() -> Result<> {
    TRY(oci::EntryEdit edit, EntryEditOf(options.edit));
    TRY(core::PrepareLayout(context.layout));
    return Change(context, options.list, [&](Draft& draft) -> Result<> {
      Adding adding(context, options.access, options.all);
      TRY(adding.CheckCreds(options.images));
      for (const std::string& image : options.images) {
        TRY_CONTEXT_SET(std::vector<oci::Digest> added, adding.Add(draft, image), "'{}'", image);
        if (options.edit.empty()) continue;
        for (const oci::Digest& digest : added) {
          TRY(draft.bytes, oci::EditEntry(draft.bytes, digest, edit));
        }
      }
      return {};
    });
  };
  TRY_CONTEXT(add(), "manifest add '{}'", options.list);
  return {};
}

Result<> RunManifestAnnotate(Context& context, const ManifestAnnotateOptions& options) {
  auto annotate = [&]() -> Result<> {
    TRY(oci::EntryEdit edit, EntryEditOf(options.edit));
    oci::ImageStore store(context.layout);
    return Change(context, options.list, [&](Draft& draft) -> Result<> {
      if (options.index) {
        TRY(draft.bytes, oci::AnnotateIndex(draft.bytes, edit.annotations));
        return {};
      }
      TRY(oci::Digest digest, FindEntry(store, draft, options.entry));
      TRY(draft.bytes, oci::EditEntry(draft.bytes, digest, edit));
      return {};
    });
  };
  TRY_CONTEXT(annotate(), "manifest annotate '{}'", options.list);
  return {};
}

Result<> RunManifestRemove(Context& context, const ManifestRemoveOptions& options) {
  oci::ImageStore store(context.layout);
  auto remove = [&](Draft& draft) -> Result<> {
    for (const std::string& entry : options.entries) {
      TRY(oci::Digest digest, FindEntry(store, draft, entry));
      TRY(draft.bytes, oci::RemoveEntry(draft.bytes, digest));
    }
    return {};
  };
  TRY_CONTEXT(Change(context, options.list, remove), "manifest remove '{}'", options.list);
  return {};
}

}  // namespace hoy::cli
