#pragma once
// The writing half of credentials.h: what login keeps and logout takes away. The file that is
// written is --authfile, else $REGISTRY_AUTH_FILE, else the first of the defaults
// ($XDG_RUNTIME_DIR/containers/auth.json): mode 0600, replaced as a whole, under an flock on its
// directory. Where a helper is set up for the registry, in that file or, when none was named, in
// any of the defaults, it gets the secret, and the file does not.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/credentials.h"

namespace hoy::oci {

std::string WritableAuthFile(const CredentialOptions& options,
                             const CredentialEnvironment& environment);

// `key` is normalized: "docker.io", "quay.io/team". Returns where it went: the file's path or the
// helper's program. kCorrupt: the file is damaged; it stays as it is.
Result<std::string> StoreCredential(const CredentialOptions& options, const std::string& key,
                                    const Credential& credential,
                                    const CredentialEnvironment& environment);

// False: there was none.
Result<bool> EraseCredential(const CredentialOptions& options, const std::string& key,
                             const CredentialEnvironment& environment);

// Every credential in the file, and in its credsStore and credHelpers.
Result<> EraseAllCredentials(const CredentialOptions& options,
                             const CredentialEnvironment& environment);

}  // namespace hoy::oci
