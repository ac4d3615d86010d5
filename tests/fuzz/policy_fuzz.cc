#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/trust/gate.h"

// policy.json: refused, or a policy whose every rule has requirements; and one without
// insecureAcceptAnything accepts nothing that nobody signed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoy::oci;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto policy = ParsePolicy(text, "policy.json");
  if (!policy) return 0;
  if (policy->fallback.empty()) abort();
  for (const auto& [transport, scopes] : policy->transports) {
    for (const auto& [scope, requirements] : scopes) {
      if (requirements.empty()) abort();
    }
  }
  auto name = hoy::oci::Reference::Parse("docker.io/library/busybox:1");
  for (const ImageIdentity& image :
       {DockerIdentity(*name), PathIdentity("oci", "/a/b", "1"), PathIdentity("dir", "/a/b")}) {
    PolicyRule rule = FindRule(*policy, image);
    bool accepts = true;
    for (const PolicyRequirement& requirement : *rule.requirements) {
      accepts = accepts && requirement.kind == PolicyRequirement::Kind::kAccept;
      (void)MatchesIdentity(requirement.identity, &*name, "docker.io/library/busybox:2");
    }
    NoSignatures none;
    bool reads_keys = !DecidesAlone(*policy, image).has_value();  // from paths that were made up
    if (!reads_keys && CheckImage(*policy, image, {}, none).has_value() != accepts) abort();
  }
  return 0;
}
