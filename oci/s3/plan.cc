#include "oci/s3/plan.h"

#include <algorithm>
#include <set>

namespace hoy::oci {
namespace {

template <typename Map>
const typename Map::mapped_type* Find(const Map& map, const std::string& key) {
  auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

bool IsUnchanged(const RemoteEntry& now, const SyncedEntry& then) {
  bool dated = !then.modified.empty() && !now.modified.empty();
  return now.etag == then.etag && (!dated || now.modified == then.modified) &&
         now.directory == (then.local.kind == S3Kind::kDirectory);
}

// Two that were never the same by anybody's knowledge.
bool MayBeTheSame(const LocalEntry& local, const RemoteEntry& remote) {
  bool directory = local.kind == S3Kind::kDirectory;
  return directory == remote.directory && (directory || local.size == remote.size);
}

std::set<std::string> AllPaths(const LocalTree& local, const RemoteTree& remote,
                               const S3Manifest& manifest) {
  std::set<std::string> paths;
  for (const auto& [path, entry] : local) paths.insert(path);
  for (const auto& [path, entry] : remote.entries) paths.insert(path);
  for (const auto& [path, entry] : manifest) paths.insert(path);
  return paths;
}

bool IsAtOrBelow(const std::string& path, const std::set<std::string>& places) {
  if (places.contains(path)) return true;
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (places.contains(path.substr(0, slash))) return true;
  }
  return false;
}

}  // namespace

FetchPlan PlanFetch(const LocalTree& local, const RemoteTree& remote, const S3Manifest& manifest) {
  FetchPlan plan;
  for (const std::string& path : AllPaths(local, remote, manifest)) {
    const LocalEntry* here = Find(local, path);
    const RemoteEntry* there = Find(remote.entries, path);
    const SyncedEntry* then = Find(manifest, path);
    bool changed_here = then != nullptr && (here == nullptr || !IsUntouched(*here, then->local));
    bool changed_there = then != nullptr && (there == nullptr || !IsUnchanged(*there, *then));
    auto fetch = [&] { (there->key.empty() ? plan.directories : plan.downloads).push_back(path); };
    if (there == nullptr) {
      if (then == nullptr) continue;
      if (here == nullptr) {
        plan.forgotten.push_back(path);
      } else if (changed_here) {
        plan.kept.push_back(path);
      } else {
        plan.removals.push_back(path);
      }
    } else if (here == nullptr) {
      if (then == nullptr || changed_there) fetch();
    } else if (then == nullptr) {
      (MayBeTheSame(*here, *there) ? plan.compare : plan.kept).push_back(path);
    } else if (changed_there) {
      if (changed_here) {
        plan.kept.push_back(path);
      } else {
        if (there->directory && here->kind != S3Kind::kDirectory) plan.removals.push_back(path);
        fetch();
      }
    } else if (then->modified != there->modified) {
      plan.dated.push_back(path);
    }
  }
  std::ranges::reverse(plan.removals);
  return plan;
}

WriteBackPlan PlanWriteBack(const LocalTree& local, const RemoteTree& remote,
                            const S3Manifest& manifest, const std::vector<std::string>& unfit) {
  WriteBackPlan plan;
  const std::set<std::string> unknown(unfit.begin(), unfit.end());
  for (const std::string& path : AllPaths(local, remote, manifest)) {
    const LocalEntry* here = Find(local, path);
    const RemoteEntry* there = Find(remote.entries, path);
    const SyncedEntry* then = Find(manifest, path);
    bool changed_there =
        there != nullptr && !there->key.empty() && (then == nullptr || !IsUnchanged(*there, *then));
    if (here != nullptr) {
      if (then != nullptr && IsUntouched(*here, then->local)) continue;
      // Where ctime alone is another, its content says whether it was written to.
      bool may_be_same = changed_there || (then != nullptr && *here == then->local);
      bool is_there = there != nullptr && !there->key.empty() && !there->directory;
      if (may_be_same && is_there && MayBeTheSame(*here, *there)) {
        plan.compare.push_back(path);
        continue;
      }
      plan.uploads.push_back(path);
      if (changed_there) plan.overwritten.push_back(path);
    } else if (then != nullptr && !IsAtOrBelow(path, unknown)) {
      bool deletes = there != nullptr && !there->key.empty() && !changed_there;
      (deletes ? plan.deletions : plan.forgotten).push_back(path);
    }
    // A file in place of a directory, or the other way round: the object has another key.
    if (here != nullptr && then != nullptr && there != nullptr && !there->key.empty() &&
        there->directory != (here->kind == S3Kind::kDirectory) && !changed_there) {
      plan.deletions.push_back(path);
    }
  }
  std::ranges::reverse(plan.deletions);
  return plan;
}

bool HasLocalChanges(const LocalTree& local, const S3Manifest& manifest) {
  if (local.size() != manifest.size()) return true;
  return !std::ranges::all_of(local, [&](const auto& item) {
    const SyncedEntry* then = Find(manifest, item.first);
    return then != nullptr && IsUntouched(item.second, then->local);
  });
}

}  // namespace hoy::oci
