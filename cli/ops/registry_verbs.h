#pragma once
// The verbs that talk to registries and are no pull, as data. The work is in hoy-image; in the
// light program, where it cannot be reached, each is kUnsupported.

#include <optional>
#include <string>
#include <vector>

#include "cli/ops/pull_options.h"
#include "cli/ui/context.h"
#include "cli/ui/template.h"
#include "core/base/result.h"

namespace hoy::cli {

// How a registry is talked to: the options of AddRegistryOptions and AddRetryOptions
// (registry_options.h).
struct RegistryAccess {
  std::string creds;
  std::string authfile;
  std::string cert_dir;
  std::optional<bool> tls_verify;
  std::optional<int64_t> retry;        // --retry; not given: see oci::RetryPolicy
  std::optional<int64_t> retry_delay;  // --retry-delay, nanoseconds
};

struct LoginOptions {
  std::optional<std::string> registry;  // docker.io when not given
  std::optional<std::string> username;
  std::optional<std::string> password;
  bool password_stdin = false;
  bool get_login = false;
  bool verbose = false;
  std::string authfile;
  std::string cert_dir;
  std::optional<bool> tls_verify;
};
Result<> RunLogin(Context& context, const LoginOptions& options);

struct LogoutOptions {
  std::optional<std::string> registry;
  bool all = false;
  std::string authfile;
};
Result<> RunLogout(Context& context, const LogoutOptions& options);

struct PushOptions {
  std::string image;
  std::optional<std::string> destination;  // the image's own name when not given
  bool all_tags = false;
  bool quiet = false;
  RegistryAccess access;
  std::string compression_format;  // "gzip", "zstd" or empty
  std::optional<int64_t> compression_level;
  bool force_compression = false;
  std::string platform;  // of a multi-platform name; empty: all of it
  std::string format;    // "oci", "v2s2" or empty
  std::string digestfile;
  std::optional<int64_t> chunk_bytes;
  int64_t uploads = 3;
  ProgressMode progress = ProgressMode::kAuto;
};
Result<> RunPush(Context& context, const PushOptions& options);

struct SearchOptions {
  std::string term;  // as typed: "busybox", "registry.example.com/team", "localhost:5000/"
  bool list_tags = false;
  std::optional<int64_t> limit;  // 25; 10 tags, as podman has it
  bool no_trunc = false;
  std::vector<std::string> filters;  // stars=N, is-official=BOOL, is-automated=BOOL
  std::string creds;
  std::string authfile;
  std::string cert_dir;
  std::optional<bool> tls_verify;
};
// Rows with docker's field names.
Result<std::vector<Json>> RunSearch(Context& context, const SearchOptions& options);

}  // namespace hoy::cli
