#include "oci/registry/auth_store.h"

#include <fmt/core.h>

#include <filesystem>

#include "core/sys/files.h"
#include "oci/registry/auth_edit.h"
#include "oci/registry/credential_helper.h"

namespace hoy::oci {
namespace {

bool IsNamed(const CredentialOptions& options, const CredentialEnvironment& environment) {
  return !options.authfile.empty() || !environment.variable("REGISTRY_AUTH_FILE").empty();
}

// The file, with nobody else writing it for as long as this lives. A link to it stays one.
class LockedAuthFile {
 public:
  static Result<LockedAuthFile> Open(const std::string& named) {
    LockedAuthFile file;
    std::error_code ignored;
    std::filesystem::path real = std::filesystem::weakly_canonical(named, ignored);
    file.path_ = real.empty() ? named : real.string();
    std::string directory = std::filesystem::path(file.path_).parent_path().string();
    if (directory.empty()) directory.push_back('.');
    TRY(core::MakeDirectories(directory, 0700));
    TRY(file.directory_, core::OpenDirectory(directory));
    TRY(core::LockFile(file.directory_, core::LockMode::kExclusive, directory));
    TRY(auto bytes, CredentialEnvironment::ReadFile(file.path_));
    file.text_ = bytes.value_or("");
    TRY_CONTEXT_SET(file.content_, ParseAuthFile(file.text_), "auth file '{}'", file.path_);
    return file;
  }

  const std::string& text() const { return text_; }
  const AuthFile& content() const { return content_; }
  const std::string& path() const { return path_; }
  Result<> Write(std::string text) {
    TRY(core::WriteFileAtomically(path_, text, core::Durability::kDurable, 0600));
    text_ = std::move(text);
    return {};
  }

 private:
  std::string path_;
  Fd directory_;
  std::string text_;
  AuthFile content_;
};

std::string DomainOf(std::string_view key) {
  return std::string(key.substr(0, key.find('/')));
}

std::string ServerOf(std::string_view key) {
  return key.find('/') == std::string_view::npos ? ServerName(key) : std::string(key);
}

// docker only knows its own spelling of its hub.
std::string SpellingIn(const std::string& path, const std::string& key) {
  return std::filesystem::path(path).filename() == "config.json" ? ServerOf(key) : key;
}

std::string HelperFor(const AuthFile& file, const CredentialOptions& options,
                      const std::string& key, const CredentialEnvironment& environment) {
  std::string helper = file.HelperFor(DomainOf(key));
  if (!helper.empty() || IsNamed(options, environment)) return helper;
  for (const std::string& path : DefaultAuthFiles(environment)) {
    auto bytes = environment.read(path);
    if (!bytes || !*bytes) continue;
    auto other = ParseAuthFile(**bytes);
    if (other && !other->HelperFor(DomainOf(key)).empty()) return other->HelperFor(DomainOf(key));
  }
  return "";
}

// False: the helper had none.
Result<bool> EraseInHelper(const std::string& helper, const std::string& server,
                           const CredentialEnvironment& environment) {
  TRY(auto known, environment.ask_helper(helper, server));
  if (!known) return false;
  TRY(environment.run_helper(helper, "erase", server));
  return true;
}

}  // namespace

std::string WritableAuthFile(const CredentialOptions& options,
                             const CredentialEnvironment& environment) {
  if (!options.authfile.empty()) return options.authfile;
  if (std::string named = environment.variable("REGISTRY_AUTH_FILE"); !named.empty()) return named;
  return DefaultAuthFiles(environment).front();
}

Result<std::string> StoreCredential(const CredentialOptions& options, const std::string& key,
                                    const Credential& credential,
                                    const CredentialEnvironment& environment) {
  TRY(auto file, LockedAuthFile::Open(WritableAuthFile(options, environment)));
  std::string helper = HelperFor(file.content(), options, key, environment);
  if (!helper.empty()) {
    TRY(environment.run_helper(helper, "store", HelperStoreInput(ServerOf(key), credential)));
    TRY(auto without, WithoutCredential(file.text(), key));
    if (without) TRY(file.Write(std::move(*without)));
    return fmt::format("docker-credential-{}", helper);
  }
  TRY(std::string text, WithCredential(file.text(), key, SpellingIn(file.path(), key), credential));
  TRY(file.Write(std::move(text)));
  return file.path();
}

Result<bool> EraseCredential(const CredentialOptions& options, const std::string& key,
                             const CredentialEnvironment& environment) {
  TRY(auto file, LockedAuthFile::Open(WritableAuthFile(options, environment)));
  bool erased = false;
  TRY(auto without, WithoutCredential(file.text(), key));
  if (without) {
    TRY(file.Write(std::move(*without)));
    erased = true;
  }
  if (std::string helper = HelperFor(file.content(), options, key, environment); !helper.empty()) {
    TRY(bool in_helper, EraseInHelper(helper, ServerOf(key), environment));
    erased = erased || in_helper;
  }
  return erased;
}

Result<> EraseAllCredentials(const CredentialOptions& options,
                             const CredentialEnvironment& environment) {
  TRY(auto file, LockedAuthFile::Open(WritableAuthFile(options, environment)));
  if (!file.content().auths.empty()) {
    TRY(std::string text, WithoutCredentials(file.text()));
    TRY(file.Write(std::move(text)));
  }
  for (const auto& [domain, helper] : file.content().cred_helpers) {
    TRY(EraseInHelper(helper, ServerOf(domain), environment));
  }
  if (const std::string& store = file.content().creds_store; !store.empty()) {
    TRY(std::string answer, environment.run_helper(store, "list", ""));
    TRY_CONTEXT_SET(auto servers, ParseHelperList(answer), "docker-credential-{}", store);
    for (const std::string& server : servers) TRY(EraseInHelper(store, server, environment));
  }
  return {};
}

}  // namespace hoy::oci
