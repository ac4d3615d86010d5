#pragma once
// What a pull was asked for, as plain data: shared by the command model and the heavy program.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hoy::cli {

enum class ProgressMode {
  kAuto,  // live on a terminal, plain elsewhere
  kLive,
  kPlain,
  kJson,  // one object per line, on stderr
  kNone,
};

struct PullOptions {
  std::string reference;  // as typed: "busybox", "localhost:5000/app:1"
  std::string platform;   // --platform; empty: DOCKER_DEFAULT_PLATFORM, then the host
  std::vector<std::string> platforms = {};  // several of them: the name becomes a list
  bool all_platforms = false;               // --all-platforms, the same with all there are
  bool all_tags = false;                    // of the repository, which is named without one
  std::string creds;                        // --creds USER:PASSWORD
  std::string authfile;                     // --authfile
  std::string cert_dir;                     // --cert-dir
  std::optional<bool> tls_verify;           // --tls-verify; not given: verified except on loopback
  std::string signature_policy;             // --signature-policy; empty: see oci::LoadPolicy
  std::optional<int64_t> retry;             // --retry; not given: see oci::RetryPolicy
  std::optional<int64_t> retry_delay;       // --retry-delay, nanoseconds
  bool keep_layer_blobs = true;             // for push and save
  bool handle_signals = true;               // SIGINT and SIGTERM end the pull with kCancelled
  int downloads = 3;
  int unpackers = 2;
};

}  // namespace hoy::cli
