#pragma once
// Looking into registries without pulling: a manifest or index, a config, single blobs. Each goes
// through the mirrors, as a pull does.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"
#include "oci/image/registries_conf.h"
#include "oci/registry/blob_fetcher.h"
#include "oci/registry/credentials.h"
#include "oci/registry/http.h"
#include "oci/registry/registry_client.h"
#include "oci/registry/retry.h"
#include "oci/trust/policy.h"

namespace hoy::oci {

struct RemoteImage {
  Reference reference;                  // with tag or digest
  std::vector<PullEndpoint> endpoints;  // empty: where its name says
  CredentialOptions credentials;
  HttpOptions http;
  RetryPolicy retry;

  RemoteImage WithDigest(const Digest& digest) const;  // of the same repository
};

// How an entry of a list is reached that is not on this machine: `origin` is where it was found.
using FindRemote = std::function<Result<RemoteImage>(const Reference& origin)>;

// The errors of RegistryClient, those of the last place that was tried.
Result<ManifestAnswer> FetchManifest(const RemoteImage& image, CancelToken& cancel);
// Empty: the registry does not say.
Result<Digest> AskDigest(const RemoteImage& image, CancelToken& cancel);
Result<ImageConfig> FetchConfig(const RemoteImage& image, const Descriptor& config,
                                CancelToken& cancel);
// Whether `image`, which is named by digest, is let in under the name that `identity` has: gate.h.
Result<> CheckRemoteImage(const Policy& policy, const ImageIdentity& identity,
                          const RemoteImage& image, CancelToken& cancel);
// Into the store's blobs; those that are there are left out.
Result<> FetchBlobs(const RemoteImage& image, const core::Layout& layout,
                    std::span<const Descriptor> blobs, CancelToken& cancel,
                    const FetchObserver& observer = {});

}  // namespace hoy::oci
