#pragma once
// A whole push: the layers' blobs, several at a time, the config, and at last the manifest that
// makes them an image.
//
// What is sent is what was pulled, byte for byte, so that the digest of an unchanged image stays:
// the store keeps the blobs. Only layers that came without compression (commit, import, load), or
// that are asked for in another format, are packed; then manifest and digest are new, and the
// image's id is not. A blob that is not here any more is fetched back from where the image came
// from, when the target does not have it anyway.

#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_record.h"
#include "oci/image/manifest_encode.h"
#include "oci/image/reference.h"
#include "oci/layer/compress.h"
#include "oci/registry/blob_upload.h"
#include "oci/registry/credentials.h"
#include "oci/registry/http.h"
#include "oci/registry/progress.h"
#include "oci/registry/remote_image.h"
#include "oci/registry/retry.h"

namespace hoy::oci {

struct PushRequest {
  ImageRecord image;
  Reference target;        // with a tag
  bool by_digest = false;  // the tag is not set: the manifest is a list's
  CredentialOptions credentials;
  HttpOptions http;
  RetryPolicy retry;
  UploadOptions upload;
  int uploads = 3;                  // blobs at a time
  std::optional<PackOptions> pack;  // not given: what is compressed stays, what is not becomes gzip
  bool pack_all = false;            // also what has the wanted format already
  std::optional<ManifestFormat> format = std::nullopt;  // not given: as it is here
  // Where blobs that are gone, and entries of a list, come from; not given: nowhere.
  FindRemote remote = {};
};

// `cancel` ends it with kCancelled; the push itself also cancels it, to stop its threads after a
// failure. kNotFound: a blob is not on this machine and nowhere else; kUnauthorized; kCorrupt: a
// blob here is damaged, or the registry stores something else; kNetwork, kTimeout after the last
// retry. The message names the layer.
Result<PullSummary> PushImage(const core::Layout& layout, const PushRequest& request,
                              ProgressSink& sink, CancelToken& cancel);

}  // namespace hoy::oci
