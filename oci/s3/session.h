#pragma once
// What both ways of a sync share. For the .cc files beside it.

#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "oci/s3/client.h"
#include "oci/s3/local_copy.h"
#include "oci/s3/manifest.h"
#include "oci/s3/sync.h"

namespace hoy::oci {

// Of the notes about uploads in parts, in temp/.
inline constexpr std::string_view kUploadSuffix = ".up";

// Calls `act` for each, several at once. The first error is the result; the others are still tried,
// unless it is one that all of them would meet, or there are many.
Result<> ForEachAtOnce(std::span<const std::string> items,
                       const std::function<Result<>(const std::string&)>& act);

struct S3Session {
  static Result<S3Session> Open(const S3SyncRequest& request, const CancelToken& cancel);

  Result<> Look();  // fills `local` and `unfit`
  void TellUnfit();
  Result<> List();  // fills `remote`
  Result<> SaveManifest();
  // Takes into the manifest what a fetch that was killed has put into its place: it is no change of
  // the copy.
  Result<> AdoptPlaced();
  void Warn(std::string text);
  // Whether both sides have the same bytes. A file that cannot be read is not the same.
  bool IsSame(const std::string& path);
  std::string ManifestPath() const { return request->state + "/manifest.json"; }
  std::string PlacingPath() const { return request->state + "/placing.json"; }
  std::string TempPath(const std::string& name) const { return request->state + "/temp/" + name; }

  const S3SyncRequest* request;
  std::unique_ptr<S3Client> client;
  LocalCopy copy;
  S3Sides sides;
  LocalTree local;
  std::vector<std::string> unfit;
  size_t nameless = 0;
  RemoteTree remote;
  S3Manifest manifest;
  S3SyncReport report;
  size_t more_warnings = 0;
  std::unique_ptr<std::mutex> mutex;  // of the manifest and the report
};

}  // namespace hoy::oci
