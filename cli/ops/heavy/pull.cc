#include "cli/ops/heavy/pull.h"

#include <signal.h>

#include <array>
#include <cstdlib>

#include "cli/ops/transport.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/registry/cancel.h"
#include "oci/registry/puller.h"

namespace hoy::cli {
namespace {

oci::CancelToken* g_interrupted = nullptr;  // what the signal handler cancels

// SIGINT, SIGTERM and SIGHUP cancel the token for as long as this lives; the second one finds the
// default action again, for whoever cannot wait.
class CancelOnSignal {
 public:
  CancelOnSignal(oci::CancelToken& token, bool enabled) : enabled_(enabled) {
    if (!enabled_) return;
    g_interrupted = &token;
    struct sigaction action{};
    action.sa_handler = [](int) { g_interrupted->Cancel(); };
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
    }
  }
  ~CancelOnSignal() {
    if (!enabled_) return;
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
    g_interrupted = nullptr;
  }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  const bool enabled_;
  std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace

Result<PulledImage> Pull(const core::Layout& layout, const PullOptions& options,
                         oci::ProgressSink& sink) {
  oci::PullRequest request{
      .credentials = {.creds = options.creds, .authfile = options.authfile},
      .http = {.tls_verify = options.tls_verify, .cert_dir = options.cert_dir},
      .downloads = options.downloads,
      .unpackers = options.unpackers,
      .keep_layer_blobs = options.keep_layer_blobs,
  };
  TRY(request.reference,
      oci::Reference::ParseWithDefaultTag(WithoutDockerTransport(options.reference)));
  const char* variable = std::getenv("DOCKER_DEFAULT_PLATFORM");
  std::string from_environment = variable ? variable : "";
  TRY(request.platform, oci::ChoosePlatform(options.platform, from_environment));
  request.platform_asked = !options.platform.empty() || !from_environment.empty();
  TRY(core::PrepareLayout(layout));

  oci::CancelToken cancel;
  CancelOnSignal handler(cancel, options.handle_signals);
  return oci::PullImage(layout, request, sink, cancel);
}

}  // namespace hoy::cli
