#pragma once
// The two ways of an S3 volume: fetch what is new in the bucket, and write back what is new in the
// local copy (plan.h). Whoever calls holds the lock of the sync; containers may use the copy
// meanwhile.
//
// clang-format off
//   | killed                          | left behind               | the next one                   |
//   |---------------------------------|---------------------------|--------------------------------|
//   | while objects arrive            | temp/<hash>, in part      | goes on with them              |
//   | while files get their places    | some new ones, all whole  | knows them (placing.json)      |
//   | while files are written         | some new objects          | compares them, and goes on     |
//   | while a large one is written    | its parts, temp/<hash>.up | goes on with the next part     |
//   | before the manifest is replaced | all of it done            | compares what is on both sides |
// clang-format on
//
// The disk has what the manifest speaks of before it has the manifest: fetched files before the
// first gets its place, their places before the manifest, and what is written back before it is
// read. So after a power cut nothing is there in part, to be taken for a change of the copy.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/cancel.h"
#include "oci/registry/http.h"
#include "oci/registry/retry.h"
#include "oci/s3/access.h"

namespace hoy::oci {

struct S3SyncRequest {
  std::string files;  // the local copy
  std::string state;  // the directory beside it, where temp/ and manifest.json are
  core::S3Options place;
  S3Access access;
  HttpOptions http;
  RetryPolicy retry;
  RetryObserver observer;  // one call at a time: what went wrong, and how long the wait is
};

struct S3SyncReport {
  size_t downloaded = 0;
  size_t uploaded = 0;
  size_t removed = 0;  // here
  size_t deleted = 0;  // there
  size_t skipped = 0;  // files here whose changes are not there yet, or cannot be: see `warnings`
  uint64_t bytes = 0;  // that went one way or the other
  // For a person: what was left out, or won over a change of somebody else's.
  std::vector<std::string> warnings;
};

// On failure what was done until then is done, and known.
Result<S3SyncReport> FetchFromS3(const S3SyncRequest& request, const CancelToken& cancel);
Result<S3SyncReport> WriteBackToS3(const S3SyncRequest& request, const CancelToken& cancel);

}  // namespace hoy::oci
