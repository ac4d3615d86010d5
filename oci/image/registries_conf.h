#pragma once
// registries.conf, version 2 (containers-registries.conf(5)), and what it makes of a name. The
// logical name, as the user writes it, always names the image; only the places it is fetched from
// change. hoy never searches: a short name without an alias is docker.io's.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/image/reference.h"

namespace hoy::oci {

struct MirrorConfig {
  enum class Use { kAll, kDigestOnly, kTagOnly };
  std::string location;
  bool insecure = false;
  Use use = Use::kAll;
};

struct RegistryConfig {
  std::string prefix;    // "example.com/foo", "*.example.com"
  std::string location;  // empty, below a wildcard: the name as it is
  bool insecure = false;
  bool blocked = false;
  std::vector<MirrorConfig> mirrors;
  std::string origin;  // the file
};

struct RegistriesConf {
  std::map<std::string, RegistryConfig> registries;  // by prefix
  std::map<std::string, std::string> aliases;        // short name -> "registry.com/name"
};

// A place to fetch an image from.
struct PullEndpoint {
  Reference reference;  // there; tag and digest are the logical name's
  bool insecure = false;
  bool mirror = false;
};

// kCorrupt, with the line: not TOML, or not of this shape; kUnsupported: version 1.
Result<RegistriesConf> ParseRegistriesConf(std::string_view text, const std::string& origin);

// Later files: tables of the same prefix are replaced; aliases too, and "" erases one.
void MergeRegistriesConf(RegistriesConf& base, RegistriesConf later);

// $CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
// /etc/containers/registries.conf; then registries.conf.d/*.conf in /etc/containers and in
// ~/.config/containers, in the order of their names; then the aliases that podman has learnt:
// short-name-aliases.conf in /var/cache/containers, or ~/.cache/containers for other users than
// root.
Result<RegistriesConf> LoadRegistriesConf();

// Without a registry in front: "busybox", "team/app:1".
bool IsShortName(std::string_view name);

// As ResolveAlias with what LoadRegistriesConf says; other names cost nothing.
Result<std::string> ResolveShortName(std::string_view name);

// The name behind a short name's alias, with its tag and digest; else `name` itself.
std::string ResolveAlias(const RegistriesConf& conf, std::string_view name);

// The table for a registry, a repository or an image, by its full name: the one with the longest
// prefix; nullptr: none.
const RegistryConfig* FindRegistryConfig(const RegistriesConf& conf, std::string_view name);

// For all but pulls, which have no business with mirrors and other locations: whether plain HTTP
// and any certificate are fine. kPermission: blocked.
Result<bool> IsInsecureRegistry(const RegistriesConf& conf, std::string_view name);

// In the order in which to try. kPermission: blocked. kCorrupt: a location makes no name.
Result<std::vector<PullEndpoint>> EndpointsFor(const RegistriesConf& conf,
                                               const Reference& reference);

}  // namespace hoy::oci
