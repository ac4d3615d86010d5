#include "oci/registry/credentials.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/registry/credential_helper.h"

namespace hoy::oci {
namespace {

// The credential in one file, if any; a helper that cannot be asked becomes a warning, because most
// images need no credential at all.
CredentialLookup LookUp(const AuthFile& file, const std::string& origin, std::string_view domain,
                        std::string_view path, const CredentialEnvironment& environment) {
  CredentialLookup lookup;
  if (std::string helper = file.HelperFor(domain); !helper.empty()) {
    auto answer = environment.ask_helper(helper, ServerName(domain));
    if (!answer) {
      lookup.warning = answer.error().message;
    } else if (*answer) {
      lookup.credential = std::move(**answer);
      lookup.origin = "docker-credential-" + helper;
      return lookup;
    }
  }
  if (const Credential* found = file.Find(domain, path)) {
    lookup.credential = *found;
    lookup.origin = origin;
  }
  return lookup;
}

}  // namespace

std::string ServerName(std::string_view domain) {
  return domain == "docker.io" ? "https://index.docker.io/v1/" : std::string(domain);
}

std::vector<std::string> DefaultAuthFiles(const CredentialEnvironment& environment) {
  std::vector<std::string> files;
  std::string home = environment.variable("HOME");
  if (std::string runtime = environment.variable("XDG_RUNTIME_DIR"); !runtime.empty()) {
    files.push_back(runtime + "/containers/auth.json");
  } else {
    files.push_back(fmt::format("/run/containers/{}/auth.json", environment.uid));
  }
  if (std::string config = environment.variable("XDG_CONFIG_HOME"); !config.empty()) {
    files.push_back(config + "/containers/auth.json");
  } else if (!home.empty()) {
    files.push_back(home + "/.config/containers/auth.json");
  }
  if (std::string docker = environment.variable("DOCKER_CONFIG"); !docker.empty()) {
    files.push_back(docker + "/config.json");
  } else if (!home.empty()) {
    files.push_back(home + "/.docker/config.json");
  }
  return files;
}

Result<CredentialLookup> FindCredential(const CredentialOptions& options, std::string_view domain,
                                        std::string_view path,
                                        const CredentialEnvironment& environment) {
  if (options.credential) {
    return CredentialLookup{.credential = options.credential, .origin = "the login"};
  }
  if (!options.creds.empty()) {
    auto [user, password] = CutAt(options.creds, ':');
    if (!password || user.empty()) {
      return Fail(MakeError(ErrorKind::kInvalidArgument, "--creds wants USER:PASSWORD"));
    }
    return CredentialLookup{.credential = MakeCredential(std::string(user), std::string(*password)),
                            .origin = "--creds"};
  }

  std::string named = options.authfile;
  if (named.empty()) named = environment.variable("REGISTRY_AUTH_FILE");
  if (!named.empty()) {
    TRY_CONTEXT_SET(auto bytes, environment.read(named), "read the auth file");
    if (!bytes) {
      Error error = MakeError(ErrorKind::kNotFound, fmt::format("no auth file '{}'", named));
      error.system_errno = ENOENT;
      error.hint = "name one with --authfile or REGISTRY_AUTH_FILE";
      return Fail(std::move(error));
    }
    TRY_CONTEXT_SET(AuthFile file, ParseAuthFile(*bytes), "auth file '{}'", named);
    return LookUp(file, named, domain, path, environment);
  }

  CredentialLookup none;
  auto consider = [&](const std::string& origin, std::string_view json) -> CredentialLookup {
    auto file = ParseAuthFile(json);
    if (!file) {
      none.warning = fmt::format("auth file '{}': {}", origin, file.error().message);
      return {};
    }
    CredentialLookup found = LookUp(*file, origin, domain, path, environment);
    if (!found.warning.empty()) none.warning = found.warning;
    return found;
  };
  if (std::string json = environment.variable("DOCKER_AUTH_CONFIG"); !json.empty()) {
    if (auto found = consider("DOCKER_AUTH_CONFIG", json); found.credential) return found;
  }
  for (const std::string& file : DefaultAuthFiles(environment)) {
    auto bytes = environment.read(file);
    if (!bytes) {
      none.warning = bytes.error().message;
    } else if (*bytes) {
      if (auto found = consider(file, **bytes); found.credential) return found;
    }
  }
  return none;
}

Result<std::optional<std::string>> CredentialEnvironment::ReadFile(const std::string& path) {
  auto bytes = core::ReadFile(path, 4 << 20);
  if (bytes) return std::optional(std::move(*bytes));
  int code = bytes.error().system_errno;
  if (code == ENOENT || code == ENOTDIR || bytes.error().kind == ErrorKind::kNotFound) {
    return std::nullopt;
  }
  return Fail(std::move(bytes).error());
}

CredentialEnvironment CredentialEnvironment::Real(const CancelToken& cancel) {
  CredentialEnvironment real;
  real.variable = [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value ? value : "");
  };
  real.read = ReadFile;
  real.ask_helper = [&cancel](const std::string& helper, const std::string& server) {
    return AskCredentialHelper(helper, server, cancel);
  };
  real.run_helper = [&cancel](const std::string& helper, const char* verb,
                              const std::string& input) {
    return RunCredentialHelper(helper, verb, input, cancel);
  };
  real.uid = ::getuid();
  return real;
}

}  // namespace hoy::oci
