#include "cli/ops/heavy/registry_access.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "core/base/text.h"
#include "oci/image/registries_conf.h"

namespace hoy::cli {

namespace {

// What was named on the command line is meant, and not left out when it is missing.
Result<> CheckNamed(std::string_view flag, const std::string& path, bool directory) {
  if (path.empty()) return {};
  struct stat info{};
  int code = ::stat(path.c_str(), &info) == 0 ? 0 : errno;
  if (code == 0 && S_ISDIR(info.st_mode) != directory) code = directory ? ENOTDIR : EISDIR;
  if (code == 0) return {};
  return Fail(ErrorKind::kInvalidArgument, "{} '{}': {}", flag, path, ErrnoText(code));
}

}  // namespace

Result<oci::CredentialOptions> MakeCredentialOptions(const std::string& creds,
                                                     const std::string& authfile) {
  TRY(CheckNamed("--authfile", authfile, /*directory=*/false));
  return oci::CredentialOptions{.creds = creds, .authfile = authfile};
}

Result<oci::HttpOptions> MakeHttpOptions(std::optional<bool> tls_verify,
                                         const std::string& cert_dir) {
  TRY(CheckNamed("--cert-dir", cert_dir, /*directory=*/true));
  oci::HttpOptions http;
  http.tls_verify = tls_verify;
  http.cert_dir = cert_dir;
  const char* stall = std::getenv("HOY_STALL_TIMEOUT");
  if (stall == nullptr || *stall == '\0') return http;
  auto seconds = ParseInteger<uint32_t>(stall);
  constexpr uint32_t kDay = 86'400;
  if (!seconds || *seconds < 1 || *seconds > kDay) {
    return Fail(ErrorKind::kInvalidArgument,
                "HOY_STALL_TIMEOUT is '{}', not a number of seconds from 1 to {}", stall, kDay);
  }
  http.stall_timeout = std::chrono::seconds(*seconds);
  return http;
}

Result<oci::RetryPolicy> MakeRetryPolicy(std::optional<int64_t> retry,
                                         std::optional<int64_t> delay_nanoseconds) {
  oci::RetryPolicy policy;
  constexpr int64_t kMost = 1000;
  if (retry && (*retry < 0 || *retry > kMost)) {
    return Fail(ErrorKind::kInvalidArgument, "--retry wants a number from 0 to {}", kMost);
  }
  if (retry) policy.attempts = policy.connect_attempts = static_cast<int>(*retry) + 1;
  if (delay_nanoseconds) {
    auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::nanoseconds(*delay_nanoseconds));
    policy.base = policy.cap = delay;
  }
  return policy;
}

Result<> MindRegistriesConf(std::string_view name, oci::HttpOptions& http) {
  TRY(oci::RegistriesConf conf, oci::LoadRegistriesConf());
  TRY(bool insecure, oci::IsInsecureRegistry(conf, name));
  if (insecure && !http.tls_verify) http.tls_verify = false;
  return {};
}

}  // namespace hoy::cli
