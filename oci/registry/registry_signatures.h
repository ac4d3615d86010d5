#pragma once
// The signatures of an image in a registry: those of the lookaside store, and its attachments.
//
//   <lookaside>/<repository>@sha256=<hex>/signature-<n>, n from 1 on until one is missing
//                                  (containers/image docs/signature-protocols.md)
//   the tag sha256-<hex>.sig       where registries.d says use-sigstore-attachments
//                                  (sigstore/cosign specs/SIGNATURE_SPEC.md)

#include <memory>

#include "oci/registry/http.h"
#include "oci/registry/registries_d.h"
#include "oci/registry/registry_client.h"
#include "oci/trust/gate.h"

namespace hoy::oci {

// `there`: the image where it is fetched from. `client` is that repository's. Both must outlive it.
// registries.d is read when the first signature is asked for.
std::unique_ptr<SignatureSource> MakeRegistrySignatures(HttpClient& http, RegistryClient& client,
                                                        const Reference& there);

}  // namespace hoy::oci
