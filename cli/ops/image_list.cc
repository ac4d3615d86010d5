#include "cli/ops/image_list.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "cli/ops/image_filters.h"
#include "cli/ops/moment.h"
#include "cli/ui/parser.h"
#include "core/base/text.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

using oci::ListedImage;

// What a row calls the image.
struct RowName {
  std::string repository = "<none>";
  std::string tag = "<none>";
  std::string digest = "<none>";
};

std::string DigestIn(const ListedImage& image, const oci::Reference& name) {
  if (image.is_list) return image.record.id.ToString();
  for (const std::string& text : image.record.repo_digests) {
    auto known = oci::Reference::Parse(text);
    if (known && known->Name() == name.Name()) return known->digest().ToString();
  }
  return "<none>";
}

// A name by digest gets a row of its own only if no tag of the same repository has one.
std::vector<RowName> NamesOf(const ListedImage& image) {
  std::vector<RowName> rows;
  std::set<std::string> tagged;
  std::vector<oci::Reference> by_digest;
  for (const std::string& text : image.names) {
    auto name = oci::Reference::Parse(text);
    if (!name) continue;
    if (name->tag().empty()) {
      by_digest.push_back(*name);
      continue;
    }
    tagged.insert(name->Name());
    rows.push_back({name->FamiliarName(), name->tag(), DigestIn(image, *name)});
  }
  for (const oci::Reference& name : by_digest) {
    if (!tagged.insert(name.Name()).second) continue;
    rows.push_back({name.FamiliarName(), "<none>", name.digest().ToString()});
  }
  if (rows.empty()) rows.emplace_back();
  return rows;
}

bool MatchesPattern(const RowName& name, const std::string& pattern) {
  std::string with_tag = name.repository + ":" + name.tag;
  return fnmatch(pattern.c_str(), name.repository.c_str(), FNM_PATHNAME) == 0 ||
         fnmatch(pattern.c_str(), with_tag.c_str(), FNM_PATHNAME) == 0;
}

// A pattern as typed, and if it is a plain name, also in its short form:
// "docker.io/library/busybox" finds busybox.
bool MatchesReference(const RowName& name, const std::string& pattern) {
  if (MatchesPattern(name, pattern)) return true;
  auto reference = oci::Reference::Parse(pattern);
  if (!reference) return false;
  if (!reference->digest().empty()) {
    return name.repository == reference->FamiliarName() &&
           name.digest == reference->digest().ToString();
  }
  return name.repository == reference->FamiliarName() &&
         (reference->tag().empty() || name.tag == reference->tag());
}

// An image named by a filter's value, or kNotFound.
Result<const ListedImage*> FindImage(const std::vector<ListedImage>& images,
                                     const std::string& wanted) {
  std::string_view hex = wanted;
  if (hex.starts_with("sha256:")) hex.remove_prefix(7);
  auto reference = oci::Reference::ParseWithDefaultTag(wanted);
  for (const ListedImage& image : images) {
    if (IsHex(hex) && hex.size() >= 4 && image.record.id.hex().starts_with(hex)) return &image;
    if (reference && std::ranges::find(image.names, reference->ToString()) != image.names.end()) {
      return &image;
    }
  }
  return Fail(ErrorKind::kNotFound, "no such image: '{}'", wanted);
}

// The bounds on an image's creation that before, since and until put together.
struct Window {
  core::Timestamp after = INT64_MIN;
  core::Timestamp before = INT64_MAX;
};

Result<Window> WindowOf(const std::vector<ListedImage>& images, const ImageListRequest& request) {
  Window window;
  for (const std::string& name : request.filters.Values("before")) {
    TRY_CONTEXT_SET(const ListedImage* image, FindImage(images, name), "filter 'before'");
    window.before = std::min(window.before, image->record.created);
  }
  for (const std::string& name : request.filters.Values("since")) {
    TRY_CONTEXT_SET(const ListedImage* image, FindImage(images, name), "filter 'since'");
    window.after = std::max(window.after, image->record.created);
  }
  for (const std::string& text : request.filters.Values("until")) {
    TRY(core::Timestamp moment, ParseUntil(text, request.now));
    window.before = std::min(window.before, moment);
  }
  return window;
}

Result<bool> WantsDangling(const std::string& value) {
  auto wanted = ParseBool(value);
  if (!wanted) {
    return Fail(ErrorKind::kInvalidArgument,
                "invalid value '{}' for the filter 'dangling': wants true or false", value);
  }
  return *wanted;
}

Json Row(const ListedImage& image, const RowName& name, const ImageListRequest& request) {
  const oci::ImageRecord& record = image.record;
  std::string created_at = "N/A";
  std::string created_since = "N/A";
  if (record.created > 0) {
    std::string time = core::FormatRfc3339(record.created);
    created_at = fmt::format("{} {} +0000 UTC", time.substr(0, 10), time.substr(11, 8));
    created_since = core::HumanDuration(request.now - record.created) + " ago";
  }
  std::string size =
      image.is_list ? "-"
                    : FormatByteSize(static_cast<uint64_t>(std::max<int64_t>(0, record.size)), 3);
  return {{"Containers", "N/A"},
          {"CreatedAt", created_at},
          {"CreatedSince", created_since},
          {"Digest", name.digest},
          {"ID", request.no_trunc ? record.id.ToString() : record.id.Short()},
          {"Repository", name.repository},
          {"SharedSize", "N/A"},
          {"Size", size},
          {"Tag", name.tag},
          {"UniqueSize", "N/A"},
          {"VirtualSize", size}};
}

}  // namespace

Result<std::vector<Json>> ImageRows(const std::vector<ListedImage>& images,
                                    const ImageListRequest& request) {
  TRY(Window window, WindowOf(images, request));
  std::set<bool> dangling;
  for (const std::string& value : request.filters.Values("dangling")) {
    TRY(bool wanted, WantsDangling(value));
    dangling.insert(wanted);
  }
  std::vector<Json> rows;
  for (const ListedImage& image : images) {
    core::Timestamp created = image.record.created;
    if (created <= window.after || created >= window.before) continue;
    if (!dangling.empty() && !dangling.contains(image.dangling())) continue;
    // What a list holds for other platforms is a line of its name, not one of its own.
    if (image.names.empty() && !image.list_names.empty() && !request.all) continue;
    if (!request.filters.Match("label",
                               [&](std::string_view label) { return HasLabel(image, label); })) {
      continue;
    }
    for (const RowName& name : NamesOf(image)) {
      auto matches = [&](std::string_view pattern) {
        return MatchesReference(name, std::string(pattern));
      };
      if (!request.reference.empty() && !matches(request.reference)) continue;
      if (request.filters.Match("reference", matches)) rows.push_back(Row(image, name, request));
    }
  }
  return rows;
}

}  // namespace hoy::cli
