#pragma once
// A whole pull: reference -> manifest or index -> platform -> config -> layers -> image store.
//
// Layers are downloaded and unpacked at the same time, several of each, in any order. They become
// visible together, when every blob digest, size and diff ID has been checked; until then all that
// is left behind by an error, a cancel or a crash are resumable partial blobs and verified ones.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/image/registries_conf.h"
#include "oci/registry/credentials.h"
#include "oci/registry/http.h"
#include "oci/registry/progress.h"
#include "oci/registry/retry.h"
#include "oci/trust/policy.h"

namespace hoy::oci {

struct PullRequest {
  Reference reference;  // with tag or digest; names the image here
  // Where it is fetched from, the first that has it; empty: where its name says.
  std::vector<PullEndpoint> endpoints = {};
  Platform platform;            // see ChoosePlatform
  bool platform_asked = false;  // by the user: an image for another platform is an error
  CredentialOptions credentials;
  HttpOptions http;
  RetryPolicy retry;
  std::optional<Policy> policy = {};  // whether it is let in; nullopt: nobody asks
  bool image_only = false;            // an entry of a list: that it is another list is kCorrupt
  int downloads = 3;                  // blobs at a time
  int unpackers = 2;                  // layers at a time
  // Compressed layers stay for push and save. Without, the next garbage collection takes them.
  bool keep_layer_blobs = true;
};

// `cancel` ends the pull with kCancelled; the pull itself also cancels it, to stop its threads
// after a failure. A mirror that cannot be reached or lacks the manifest makes way for the next
// one, with a notice; blobs that it lacks, or breaks off, are completed by the next ones. `layout`
// is prepared (core::PrepareLayout).
//
// The policy is asked when the manifests are known, before anything else is fetched: kPermission,
// stage "policy" (gate.h).
//
// kNotFound: no such repository, tag or platform; kUnauthorized; kCorrupt: some bytes are not what
// they are called; kNetwork and kTimeout after the last retry; kUnsupported: not an image that can
// be run here; kSystem: the disk.
Result<PullSummary> PullImage(const core::Layout& layout, const PullRequest& request,
                              ProgressSink& sink, CancelToken& cancel);

}  // namespace hoy::oci
