#pragma once
// The options that all verbs have which talk to a registry, said once:
//
//   class PullCommand final : public RegistryVerb<Command> { ... AddRegistryOptions(options_); ...
//   }

#include "cli/ops/pull_options.h"
#include "cli/ui/command.h"

namespace hoy::cli {

template <typename Base>
class RegistryVerb : public Base {
 protected:
  using Base::Base;

  // `options` has authfile, cert_dir and tls_verify, and creds where the verb takes them.
  template <typename Options>
  void AddRegistryOptions(Options& options) {
    if constexpr (requires { options.creds; }) {
      this->Option("--creds", &options.creds, "USER[:PASSWORD]", "credentials for the registry");
    }
    this->Option("--authfile", &options.authfile, "FILE", "where credentials are kept")
        .Completing(Completes::kFile);
    this->Option("--cert-dir", &options.cert_dir, "DIR",
                 "certificates for the registry: *.crt, *.cert and *.key")
        .Completing(Completes::kDirectory);
    this->Flag("--tls-verify", &options.tls_verify,
               "ask for HTTPS and a valid certificate; false takes HTTP and any certificate");
  }

  template <typename Options>
  void AddRetryOptions(Options& options) {
    this->Option(
        "--retry", &options.retry, "N",
        "tries after the first one that fails without progress (5; 2 where nobody answers)");
    this->Duration("--retry-delay", &options.retry_delay, "DURATION",
                   "pause before another try, unless the registry asks for a longer one");
  }

  // What `push` and `manifest push` have in common.
  template <typename Options>
  void AddPushOptions(Options& options) {
    this->Flag("-q,--quiet", &options.quiet, "show no progress");
    this->Choice("-f,--format", &options.format, {"oci", "v2s2"}, "FORMAT",
                 "turn the manifest into this format");
    this->Choice("--compression-format", &options.compression_format, {"gzip", "zstd"}, "FORMAT",
                 "pack layers that have another compression anew");
    this->Option("--compression-level", &options.compression_level, "LEVEL",
                 "of layers that are packed: gzip 1 to 9, zstd 1 to 19");
    this->Flag("--force-compression", &options.force_compression,
               "pack all layers anew, also those that have the format");
    this->Option("--digestfile", &options.digestfile, "FILE", "write the manifest's digest there")
        .Completing(Completes::kFile);
    AddRegistryOptions(options.access);
    AddRetryOptions(options.access);
    this->ByteSize("--chunk-size", &options.chunk_bytes, "SIZE",
                   "send layers in pieces of that size, for proxies that limit requests");
    this->Option("--jobs", &options.uploads, "N", "layers that are sent at the same time (3)");
    AddProgressOption(&options.progress);
  }

  void AddProgressOption(ProgressMode* mode) {
    this->template Choice<ProgressMode>("--progress", mode,
                                        {{"auto", ProgressMode::kAuto},
                                         {"plain", ProgressMode::kPlain},
                                         {"tty", ProgressMode::kLive},
                                         {"json", ProgressMode::kJson},
                                         {"none", ProgressMode::kNone}},
                                        "MODE", "how progress is shown");
  }
};

}  // namespace hoy::cli
