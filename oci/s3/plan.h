#pragma once
// What a sync does, decided from three trees: the local copy, the bucket, and what both were like
// when they were last the same. Pure.
//
// clang-format off
//   Fetch, before a start. A change of the bucket comes here, unless the copy has one of its own:
//   that one stays, and is written back later ("kept").
//   Write back. A change of the copy goes to the bucket, also over one that was made there meanwhile
//   ("overwritten"): of two who change one object the one that syncs last wins, whole. A deletion
//   spares an object that was changed meanwhile.
// clang-format on

#include <map>
#include <string>
#include <vector>

#include "oci/s3/tree.h"

namespace hoy::oci {

// Both sides when they were the same.
struct SyncedEntry {
  LocalEntry local;
  std::string etag;      // empty: a directory without an object of its own
  std::string modified;  // empty: not known yet, as after an upload

  bool operator==(const SyncedEntry&) const = default;
};
using S3Manifest = std::map<std::string, SyncedEntry>;

struct FetchPlan {
  std::vector<std::string> removals;     // deepest first
  std::vector<std::string> directories;  // those without an object, outermost first
  std::vector<std::string> downloads;    // by path
  std::vector<std::string> compare;  // on both sides, and nobody knows whether they are the same
  std::vector<std::string> kept;
  std::vector<std::string> forgotten;  // gone on both sides
  std::vector<std::string> dated;      // the same as ever, and now their time there is known
};
FetchPlan PlanFetch(const LocalTree& local, const RemoteTree& remote, const S3Manifest& manifest);

struct WriteBackPlan {
  std::vector<std::string> uploads;    // outermost first
  std::vector<std::string> compare;    // files that may be there already: of a sync that was killed
  std::vector<std::string> deletions;  // deepest first, after the uploads
  std::vector<std::string> overwritten;
  std::vector<std::string> forgotten;  // gone on both sides, or changed there since

  bool empty() const { return uploads.empty() && compare.empty() && deletions.empty(); }
};
// What is at or below an `unfit` path of the copy is not known to be gone, and stays there.
WriteBackPlan PlanWriteBack(const LocalTree& local, const RemoteTree& remote,
                            const S3Manifest& manifest, const std::vector<std::string>& unfit = {});

// Whether the copy has changes, for which no listing is needed.
bool HasLocalChanges(const LocalTree& local, const S3Manifest& manifest);

}  // namespace hoy::oci
