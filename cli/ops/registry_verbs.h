#pragma once
// The verbs that talk to registries and are no pull, as data. The work is in hoy-image; in the
// light program, where it cannot be reached, each is kUnsupported.

#include <optional>
#include <string>

#include "cli/ops/pull_options.h"
#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

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
  std::string creds;
  std::string authfile;
  std::string cert_dir;
  std::optional<bool> tls_verify;
  std::string compression_format;  // "gzip", "zstd" or empty
  std::optional<int64_t> compression_level;
  bool force_compression = false;
  std::string digestfile;
  std::optional<int64_t> chunk_bytes;
  int64_t uploads = 3;
  ProgressMode progress = ProgressMode::kAuto;
};
Result<> RunPush(Context& context, const PushOptions& options);

}  // namespace hoy::cli
