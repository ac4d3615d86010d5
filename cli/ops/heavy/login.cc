#include "oci/registry/login.h"

#include <unistd.h>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ui/prompt.h"
#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/registry/auth_store.h"

namespace hoy::cli {
namespace {

constexpr size_t kPasswordLimit = 64 << 10;

std::string RegistryOr(const std::optional<std::string>& registry) {
  return registry && !registry->empty() ? *registry : "docker.io";
}

class Login {
 public:
  Login(Context& context, const LoginOptions& options, std::string key)
      : context_(context),
        options_(options),
        key_(std::move(key)),
        files_{.creds = "", .authfile = options.authfile},
        environment_(oci::CredentialEnvironment::Real(cancel_)) {}

  Result<> PrintStoredName() {
    TRY(auto stored, Stored());
    if (!stored) {
      return Fail(MakeError(ErrorKind::kNotFound, fmt::format("not logged in to '{}'", key_))
                      .WithHint(fmt::format("hoy login {}", key_)));
    }
    context_.out.Print("{}\n", stored->username);
    return {};
  }

  Result<> Run() {
    oci::Credential credential;
    bool asks_nothing = !options_.username && !options_.password && !options_.password_stdin;
    if (asks_nothing) {
      TRY(bool logged_in, TryStored());
      if (logged_in) return {};
    }
    TRY(credential, Ask());
    TRY_CONTEXT(Verify(credential), "log in to '{}'", key_);
    TRY_CONTEXT_SET(std::string where, oci::StoreCredential(files_, key_, credential, environment_),
                    "keep the login to '{}'", key_);
    context_.out.Print("Login Succeeded\n");
    if (options_.verbose) context_.err.Print("credentials are in {}\n", where);
    return {};
  }

 private:
  Result<std::optional<oci::Credential>> Stored() {
    auto slash = key_.find('/');
    std::string path = slash == std::string::npos ? "" : key_.substr(slash + 1);
    auto lookup = oci::FindCredential(files_, key_.substr(0, slash), path, environment_);
    // A named file that a login will create.
    if (!lookup && lookup.error().kind == ErrorKind::kNotFound) return std::nullopt;
    if (!lookup) return Fail(std::move(lookup).error());
    if (!lookup->warning.empty()) context_.Warn(lookup->warning);
    return std::move(lookup->credential);
  }

  Result<> Verify(const oci::Credential& credential) {
    CancelOnSignal handler(cancel_);
    TRY(oci::HttpOptions http, MakeHttpOptions(options_.tls_verify, options_.cert_dir));
    TRY(MindRegistriesConf(key_, http));
    return oci::VerifyCredential(key_, credential, http, {}, cancel_);
  }

  // What is stored may still do, as docker and podman try first.
  Result<bool> TryStored() {
    TRY(auto stored, Stored());
    if (!stored) return false;
    context_.err.Print("Authenticating with existing credentials for {}\n", key_);
    Result<> taken = Verify(*stored);
    if (taken) {
      context_.out.Print("Login Succeeded\n");
      return true;
    }
    bool can_ask = context_.terminal.stdin_is_terminal;
    if (!can_ask || taken.error().kind != ErrorKind::kUnauthorized) {
      return Fail(std::move(taken).error().InContext(fmt::format("log in to '{}'", key_)));
    }
    context_.err.Print("They are not valid any more: {}\n", taken.error().message);
    suggested_ = stored->username;
    return false;
  }

  Error NeedsTerminal(std::string_view what, std::string hint) const {
    return MakeError(ErrorKind::kInvalidArgument,
                     fmt::format("cannot ask for the {} without a terminal", what))
        .WithHint(std::move(hint));
  }

  Result<oci::Credential> Ask() {
    std::string username = options_.username.value_or("");
    if (username.empty()) {
      if (options_.password_stdin || !context_.terminal.stdin_is_terminal) {
        return Fail(NeedsTerminal("user name", "give it with --username"));
      }
      bool suggest = !suggested_.empty() && suggested_ != "<token>";
      TRY(username, AskLine(context_, suggest ? fmt::format("Username ({}): ", suggested_)
                                              : std::string("Username: ")));
      if (username.empty() && suggest) username = suggested_;
      if (username.empty()) return Fail(ErrorKind::kInvalidArgument, "no user name was given");
    }
    if (username.find(':') != std::string::npos) {
      return Fail(ErrorKind::kInvalidArgument, "a user name cannot hold a colon");
    }
    TRY(std::string password, AskPassword());
    if (password.empty()) return Fail(ErrorKind::kInvalidArgument, "no password was given");
    return oci::MakeCredential(std::move(username), std::move(password));
  }

  Result<std::string> AskPassword() {
    if (options_.password_stdin) {
      TRY(std::string text, core::ReadAll(STDIN_FILENO, "the password", kPasswordLimit));
      while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
      return text;
    }
    if (options_.password) {
      context_.Warn("others can see --password in the list of processes: use --password-stdin");
      return *options_.password;
    }
    if (!context_.terminal.stdin_is_terminal) {
      return Fail(NeedsTerminal("password", "pipe it into --password-stdin"));
    }
    return AskSecret(context_, "Password: ");
  }

  Context& context_;
  const LoginOptions& options_;
  const std::string key_;
  const oci::CredentialOptions files_;
  oci::CancelToken cancel_;
  const oci::CredentialEnvironment environment_;
  std::string suggested_;
};

}  // namespace

Result<> RunLogin(Context& context, const LoginOptions& options) {
  TRY(std::string key, oci::ParseLoginKey(RegistryOr(options.registry)));
  Login login(context, options, std::move(key));
  return options.get_login ? login.PrintStoredName() : login.Run();
}

Result<> RunLogout(Context& context, const LogoutOptions& options) {
  oci::CancelToken cancel;
  auto environment = oci::CredentialEnvironment::Real(cancel);
  TRY_CONTEXT_SET(oci::CredentialOptions files, MakeCredentialOptions("", options.authfile),
                  "log out");
  if (options.all) {
    TRY_CONTEXT(oci::EraseAllCredentials(files, environment), "log out of all registries");
    context.out.Print("Removed login credentials for all registries\n");
    return {};
  }
  TRY(std::string key, oci::ParseLoginKey(RegistryOr(options.registry)));
  TRY_CONTEXT_SET(bool erased, oci::EraseCredential(files, key, environment), "log out of '{}'",
                  key);
  // It may be known still: another file, which is not ours to change, or the environment.
  auto slash = key.find('/');
  auto left =
      oci::FindCredential(files, key.substr(0, slash),
                          slash == std::string::npos ? "" : key.substr(slash + 1), environment);
  bool known = left && left->credential;
  if (!erased && known) {
    return Fail(MakeError(ErrorKind::kNotFound, fmt::format("not logged in to '{}'", key))
                    .WithHint(fmt::format("there are credentials in {}", left->origin)));
  }
  if (!erased) {
    context.out.Print("Not logged in to {}\n", key);
    return {};
  }
  context.out.Print("Removed login credentials for {}\n", key);
  if (known) context.Warn(fmt::format("there are still credentials in {}", left->origin));
  return {};
}

}  // namespace hoy::cli
