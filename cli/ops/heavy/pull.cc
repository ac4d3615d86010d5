#include "cli/ops/heavy/pull.h"

#include <algorithm>
#include <cstdlib>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/transport.h"
#include "core/state/event_log.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/registry/cancel.h"
#include "oci/registry/list_puller.h"
#include "oci/registry/puller.h"
#include "oci/registry/search.h"

namespace hoy::cli {
namespace {

constexpr size_t kMaxTags = 50'000;

}  // namespace

Result<std::vector<oci::Platform>> ParsePlatforms(const std::vector<std::string>& texts) {
  std::vector<oci::Platform> platforms;
  for (const std::string& text : texts) {
    TRY(oci::Platform platform, oci::ParsePlatform(text, oci::HostPlatform()));
    platforms.push_back(std::move(platform));
  }
  return platforms;
}

Result<PulledImage> Pull(const core::Layout& layout, const PullOptions& options,
                         oci::ProgressSink& sink) {
  oci::PullRequest request{
      .credentials = {},
      .http = {},
      .downloads = options.downloads,
      .unpackers = options.unpackers,
      .keep_layer_blobs = options.keep_layer_blobs,
  };
  TRY_CONTEXT_SET(request.credentials, MakeCredentialOptions(options.creds, options.authfile),
                  "pull '{}'", options.reference);
  TRY_CONTEXT_SET(request.http, MakeHttpOptions(options.tls_verify, options.cert_dir), "pull '{}'",
                  options.reference);
  TRY(request.retry, MakeRetryPolicy(options.retry, options.retry_delay));
  TRY_CONTEXT_SET(oci::RegistriesConf conf, oci::LoadRegistriesConf(), "pull '{}'",
                  options.reference);
  std::string name(WithoutDockerTransport(options.reference));
  if (oci::IsShortName(name)) name = oci::ResolveAlias(conf, name);
  TRY(request.reference, oci::Reference::ParseWithDefaultTag(name));
  TRY_CONTEXT_SET(request.endpoints, oci::EndpointsFor(conf, request.reference), "pull '{}'",
                  options.reference);
  const char* variable = std::getenv("DOCKER_DEFAULT_PLATFORM");
  std::string from_environment = variable ? variable : "";
  TRY(request.platform, oci::ChoosePlatform(options.platform, from_environment));
  request.platform_asked = !options.platform.empty() || !from_environment.empty();
  TRY(request.policy, oci::LoadPolicy(options.signature_policy));
  TRY(core::PrepareLayout(layout));

  oci::CancelToken cancel;
  CancelOnSignal handler(cancel, options.handle_signals);
  auto pull = [&]() -> Result<oci::PullSummary> {
    if (!options.all_platforms && options.platforms.empty()) {
      return oci::PullImage(layout, request, sink, cancel);
    }
    TRY(auto platforms, ParsePlatforms(options.platforms));
    return oci::PullPlatforms(layout, request, platforms, sink, cancel);
  };
  TRY(oci::PullSummary pulled, pull());
  std::string familiar = request.reference.Familiar();
  core::RecordImageEvent(layout, "pull", familiar, familiar);
  return pulled;
}

Result<std::vector<oci::Reference>> TagsToPull(const PullOptions& options) {
  TRY(oci::RegistriesConf conf, oci::LoadRegistriesConf());
  std::string name(WithoutDockerTransport(options.reference));
  if (oci::IsShortName(name)) name = oci::ResolveAlias(conf, name);
  TRY(oci::Reference repository, oci::Reference::Parse(name));
  if (!repository.tag().empty() || !repository.digest().empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--all-tags takes a name without a tag");
  }
  TRY(auto endpoints, oci::EndpointsFor(conf, repository.WithTag("latest")));
  const oci::PullEndpoint& primary = endpoints.back();  // mirrors may lack some
  oci::SearchRequest request;
  TRY(request.credentials, MakeCredentialOptions(options.creds, options.authfile));
  TRY(request.http, MakeHttpOptions(options.tls_verify, options.cert_dir));
  if (primary.insecure && !request.http.tls_verify) request.http.tls_verify = false;
  TRY(request.retry, MakeRetryPolicy(options.retry, options.retry_delay));
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel, options.handle_signals);
  TRY(std::vector<std::string> tags,
      oci::ListTags(primary.reference, kMaxTags + 1, request, cancel));
  if (tags.empty()) return Fail(ErrorKind::kNotFound, "the repository has no tags");
  if (tags.size() > kMaxTags) {
    return Fail(ErrorKind::kUnsupported, "the repository has more than {} tags", kMaxTags);
  }
  std::ranges::sort(tags);
  std::vector<oci::Reference> names;
  for (const std::string& tag : tags) names.push_back(repository.WithTag(tag));
  return names;
}

}  // namespace hoy::cli
