#pragma once
// How a registry is talked to: the flags of the verb, the environment and registries.conf.

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/registry/credentials.h"
#include "oci/registry/http.h"
#include "oci/registry/retry.h"

namespace hoy::cli {

// --creds and --authfile. kInvalidArgument: no such file. What REGISTRY_AUTH_FILE names is looked
// at where a registry wants a login, as podman has it.
Result<oci::CredentialOptions> MakeCredentialOptions(const std::string& creds,
                                                     const std::string& authfile);

// $HOY_STALL_TIMEOUT: seconds without a byte after which a connection is given up.
// kInvalidArgument, also when `cert_dir` is no directory.
Result<oci::HttpOptions> MakeHttpOptions(std::optional<bool> tls_verify,
                                         const std::string& cert_dir);

// --retry and --retry-delay. kInvalidArgument.
Result<oci::RetryPolicy> MakeRetryPolicy(std::optional<int64_t> retry,
                                         std::optional<int64_t> delay_nanoseconds);

// For all but pulls, whose places oci::EndpointsFor chooses. `name`: a registry, or an image's full
// name. What is insecure by registries.conf is so where --tls-verify was not given. kPermission:
// blocked.
Result<> MindRegistriesConf(std::string_view name, oci::HttpOptions& http);

}  // namespace hoy::cli
