#pragma once
// The protocol of docker-credential-<helper> programs (docker/docker-credential-helpers): a verb as
// argument, the question on stdin, the answer on stdout.
//
//   get    server                                  -> {"ServerURL", "Username", "Secret"}
//   store  {"ServerURL", "Username", "Secret"}     -> nothing
//   erase  server                                  -> nothing
//   list                                           -> {"server": "username", ...}

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/auth_file.h"
#include "oci/registry/cancel.h"

namespace hoy::oci {

// Runs the helper, which is found on PATH, for at most 60 seconds. Returns its stdout. kNotFound:
// there is no such program; kUnauthorized, stage "no-credentials": it knows nothing of the server;
// kUnauthorized: it failed otherwise.
Result<std::string> RunCredentialHelper(const std::string& helper, const char* verb,
                                        const std::string& input, const CancelToken& cancel);

// What `store` wants on stdin.
std::string HelperStoreInput(std::string_view server, const Credential& credential);
// The servers in the answer of `list`. kCorrupt.
Result<std::vector<std::string>> ParseHelperList(std::string_view json);

}  // namespace hoy::oci
