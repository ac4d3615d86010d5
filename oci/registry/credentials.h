#pragma once
// Who we are to a registry. The first source that knows the registry wins:
//
//   1. --creds USER:PASSWORD
//   2. --authfile FILE, else $REGISTRY_AUTH_FILE: when named, no other file is looked at
//   3. $DOCKER_AUTH_CONFIG (the JSON itself)
//   4. $XDG_RUNTIME_DIR/containers/auth.json (without it: /run/containers/<uid>/auth.json)
//   5. ~/.config/containers/auth.json ($XDG_CONFIG_HOME)
//   6. $DOCKER_CONFIG/config.json, else ~/.docker/config.json
//
// and within a file: credHelpers, then credsStore, then auths.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/auth_file.h"
#include "oci/registry/cancel.h"

namespace hoy::oci {

struct CredentialOptions {
  std::string creds;                          // --creds; empty: not given
  std::string authfile;                       // --authfile; empty: not given
  std::optional<Credential> credential = {};  // before all others: a login that is being tried
};

struct CredentialLookup {
  std::optional<Credential> credential;  // nullopt: anonymous
  std::string origin;                    // where it came from: "--creds", a path, a helper's name
  std::string warning;  // a helper or file that could not be asked; anonymous may still do
};

// How the world is asked; tests give their own.
struct CredentialEnvironment {
  std::function<std::string(const std::string& name)> variable;  // "" when unset
  // The bytes of a file; nullopt when there is none.
  std::function<Result<std::optional<std::string>>(const std::string& path)> read;
  // docker-credential-<helper> get, with `server` on its stdin; nullopt: not known to it.
  std::function<Result<std::optional<Credential>>(const std::string& helper,
                                                  const std::string& server)>
      ask_helper;
  // docker-credential-<helper> with another verb: see RunCredentialHelper.
  std::function<Result<std::string>(const std::string& helper, const char* verb,
                                    const std::string& input)>
      run_helper;
  unsigned uid = 0;

  static CredentialEnvironment Real(const CancelToken& cancel);
  static Result<std::optional<std::string>> ReadFile(const std::string& path);
};

// kInvalidArgument: --creds without a password. kNotFound: the named file is missing. kCorrupt: the
// named file cannot be read (of unnamed ones that is a warning).
Result<CredentialLookup> FindCredential(const CredentialOptions& options, std::string_view domain,
                                        std::string_view path,
                                        const CredentialEnvironment& environment);

// The files of 4. to 6., in order.
std::vector<std::string> DefaultAuthFiles(const CredentialEnvironment& environment);

// What docker login stores and asks helpers under: "https://index.docker.io/v1/" for docker.io.
std::string ServerName(std::string_view domain);

// Runs docker-credential-<helper> get (docker/docker-credential-helpers): found on PATH, at most
// 60 seconds. kNotFound: no such program; kUnauthorized: it failed.
Result<std::optional<Credential>> AskCredentialHelper(const std::string& helper,
                                                      const std::string& server,
                                                      const CancelToken& cancel);

}  // namespace hoy::oci
