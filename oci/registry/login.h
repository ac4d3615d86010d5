#pragma once
// Whether a registry takes a credential, asked before it is stored.

#include <string>

#include "core/base/result.h"
#include "oci/registry/auth_file.h"
#include "oci/registry/cancel.h"
#include "oci/registry/http.h"
#include "oci/registry/retry.h"

namespace hoy::oci {

// "https://registry.example.com/" and "Docker.IO" as users type them -> the key of an auth file.
// kInvalidArgument: not HOST[:PORT][/PATH].
Result<std::string> ParseLoginKey(std::string_view registry);

// GET /v2/, answering its challenge with `credential`. kUnauthorized: it was refused.
Result<> VerifyCredential(const std::string& key, const Credential& credential,
                          const HttpOptions& http, const RetryPolicy& retry,
                          const CancelToken& cancel);

}  // namespace hoy::oci
