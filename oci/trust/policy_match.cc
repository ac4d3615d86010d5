// Which rule of a policy is an image's, and which names of a signature do.

#include <fmt/core.h>

#include "core/base/text.h"
#include "oci/trust/policy.h"

namespace hoy::oci {
namespace {

bool IsNameOnly(const Reference& reference) {
  return reference.tag().empty() && reference.digest().empty();
}

// A digest says more than the tag beside it, which nobody has looked up then.
Reference WithoutIdleTag(const Reference& reference) {
  return reference.digest().empty() ? reference : reference.WithDigest(reference.digest());
}

bool MatchesRepoDigestOrExact(const Reference& image, const Reference& claimed) {
  if (!image.digest().empty()) return image.Name() == claimed.Name();
  return !image.tag().empty() && image == claimed;
}

// The name under another prefix; the same where the prefix is not its own.
std::optional<Reference> Remap(const Reference& image, const SignedIdentity& identity) {
  const std::string name = image.Name();
  const std::string& prefix = identity.name;
  bool matches =
      name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
  if (!matches) return image;
  auto remapped = Reference::Parse(identity.signed_prefix + image.ToString().substr(prefix.size()));
  if (!remapped) return std::nullopt;
  return *std::move(remapped);
}

// "/a/b" -> "/a"; the root is no scope.
void AddParents(std::vector<std::string>& scopes, std::string path) {
  while (path.size() > 1) {
    scopes.push_back(path);
    path.resize(path.rfind('/'));
  }
}

}  // namespace

bool MatchesIdentity(const SignedIdentity& identity, const Reference* image,
                     std::string_view claimed_text) {
  using Kind = SignedIdentity::Kind;
  auto claimed = Reference::Parse(claimed_text);
  if (!claimed) return false;
  if (identity.kind == Kind::kExactReference) {
    return !IsNameOnly(*claimed) && claimed->ToString() == identity.name;
  }
  if (identity.kind == Kind::kExactRepository) return claimed->Name() == identity.name;
  if (image == nullptr) return false;
  const Reference wanted = WithoutIdleTag(*image);
  switch (identity.kind) {
    case Kind::kMatchExact: return !IsNameOnly(wanted) && wanted == *claimed;
    case Kind::kMatchRepository: return wanted.Name() == claimed->Name();
    case Kind::kMatchRepoDigestOrExact: return MatchesRepoDigestOrExact(wanted, *claimed);
    case Kind::kRemapIdentity: {
      auto remapped = Remap(wanted, identity);
      return remapped && MatchesRepoDigestOrExact(*remapped, *claimed);
    }
    case Kind::kExactReference:
    case Kind::kExactRepository: break;
  }
  return false;
}

std::vector<std::string> DockerScopes(const Reference& reference) {
  const Reference exact = WithoutIdleTag(reference);
  std::vector<std::string> scopes;
  if (!IsNameOnly(exact)) scopes.push_back(exact.ToString());
  for (std::string name = exact.Name();; name.resize(name.rfind('/'))) {
    scopes.push_back(name);
    if (name.find('/') == std::string::npos) break;
  }
  std::string_view domain = CutAt(exact.domain(), ':').before;
  for (size_t dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.')) {
    domain.remove_prefix(dot + 1);
    scopes.push_back(fmt::format("*.{}", domain));
  }
  return scopes;
}

ImageIdentity DockerIdentity(const Reference& reference) {
  return {.transport = "docker", .scopes = DockerScopes(reference), .reference = reference};
}

ImageIdentity PathIdentity(std::string transport, const std::string& path,
                           const std::string& name) {
  ImageIdentity image{.transport = std::move(transport), .scopes = {}, .reference = {}};
  if (path.empty() || image.transport == "docker-archive") return image;  // it has no scopes
  if (!name.empty()) image.scopes.push_back(path + ":" + name);
  AddParents(image.scopes, path);
  return image;
}

PolicyRule FindRule(const Policy& policy, const ImageIdentity& image) {
  auto transport = policy.transports.find(image.transport);
  if (transport != policy.transports.end()) {
    for (const std::string& scope : image.scopes) {
      auto found = transport->second.find(scope);
      if (found == transport->second.end()) continue;
      return {.requirements = &found->second,
              .where = fmt::format("scope '{}' of transport '{}'", scope, image.transport)};
    }
    if (auto found = transport->second.find(""); found != transport->second.end()) {
      return {.requirements = &found->second,
              .where = fmt::format("the default of transport '{}'", image.transport)};
    }
  }
  return {.requirements = &policy.fallback, .where = "the default"};
}

}  // namespace hoy::oci
