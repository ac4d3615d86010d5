#include "cli/ops/heavy/pull.h"

#include <cstdlib>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/transport.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/registry/cancel.h"
#include "oci/registry/puller.h"

namespace hoy::cli {
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
  TRY(oci::RegistriesConf conf, oci::LoadRegistriesConf());
  TRY_CONTEXT_SET(request.endpoints, oci::EndpointsFor(conf, request.reference), "pull '{}'",
                  options.reference);
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
