#pragma once
// policy.json (containers-policy.json(5)): which images are accepted, by where they come from and
// who has signed them. What it asks for is checked in gate.h.
//
// Nothing that is not understood is ever taken for acceptance: a file that is malformed, or has an
// unknown member, requirement or transport, is an error as a whole. What sigstoreSigned can ask
// for besides a key (Fulcio, Rekor, a PKI) is read and then accepts no image.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/image/reference.h"

namespace hoy::oci {

// Which name a signature must bear.
struct SignedIdentity {
  enum class Kind {
    kMatchRepoDigestOrExact,
    kMatchExact,
    kMatchRepository,
    kExactReference,
    kExactRepository,
    kRemapIdentity,
  };
  Kind kind = Kind::kMatchRepoDigestOrExact;
  std::string name;           // exactReference, exactRepository: normalized; remapIdentity: prefix
  std::string signed_prefix;  // remapIdentity
};

// Whether a signature for `claimed` ("docker.io/library/busybox:1") is one for `image`, which is
// nullptr for an image that has no name.
bool MatchesIdentity(const SignedIdentity& identity, const Reference* image,
                     std::string_view claimed);

struct PolicyRequirement {
  enum class Kind { kAccept, kReject, kSignedBy, kSigstoreSigned };
  Kind kind = Kind::kReject;
  std::vector<std::string> key_paths;
  std::vector<std::string> key_data;  // decoded
  SignedIdentity identity;
  std::string unsupported;  // "fulcio": a member that asks for more than hoy can check
};
std::string_view ToString(PolicyRequirement::Kind kind);  // as in the file: "signedBy"

using PolicyRequirements = std::vector<PolicyRequirement>;  // all must be met; never empty

struct Policy {
  PolicyRequirements fallback;  // "default"
  // By transport, then by scope; "": the transport's default.
  std::map<std::string, std::map<std::string, PolicyRequirements>> transports;
  std::string origin;  // the file
};

// An image as a policy knows it.
struct ImageIdentity {
  std::string transport;               // "docker", "oci-archive"
  std::vector<std::string> scopes;     // that it lies in, the most specific first
  std::optional<Reference> reference;  // the name to compare signatures with, where it has one
  bool of_list = false;                // it was found through a list
};
// name:tag or name@digest (which counts when there are both), the repository, its parents, the
// registry, and "*.example.com" for its parent domains.
std::vector<std::string> DockerScopes(const Reference& reference);
ImageIdentity DockerIdentity(const Reference& reference);
// For "dir", "oci", "oci-archive" and "docker-archive". `path` is absolute, without symlinks;
// empty: unknown, so that only defaults count. `name`: of an image in a layout, as in its index, or
// empty.
ImageIdentity PathIdentity(std::string transport, const std::string& path,
                           const std::string& name = "");

struct PolicyRule {
  const PolicyRequirements* requirements = nullptr;
  std::string where;  // "scope 'docker.io' of transport 'docker'", "the default"
};
PolicyRule FindRule(const Policy& policy, const ImageIdentity& image);

// kCorrupt; `origin` names the file.
Result<Policy> ParsePolicy(std::string_view bytes, const std::string& origin);

// `named`, else $HOY_SIGNATURE_POLICY, else ~/.config/containers/policy.json, else
// /etc/containers/policy.json. Without any of them, everything is accepted. kNotFound: the file
// that was named is not there.
Result<Policy> LoadPolicy(const std::string& named);

}  // namespace hoy::oci
