#include "oci/image/registries_conf.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

// Some malformed keys reach an assertion of toml++ 3.3, which without NDEBUG ends the program and
// with it is taken for granted by the compiler. Here it is one more error.
#include <stdexcept>
namespace hoy::oci {
[[noreturn, gnu::noinline]] static void FailToml() {
  throw std::logic_error("malformed");
}
}  // namespace hoy::oci
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(condition) ((condition) ? static_cast<void>(0) : ::hoy::oci::FailToml())
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::oci {
namespace {

constexpr size_t kMaxConfBytes = 4 << 20;

// What a name is without tag and digest.
std::string_view BareName(std::string_view name) {
  name = name.substr(0, name.find('@'));
  size_t colon = name.rfind(':');
  bool tag = colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos;
  return tag ? name.substr(0, colon) : name;
}

// An alias leads from a short name to a full one, both without tag and digest; "" erases one.
std::string WhyNoAlias(std::string_view name, std::string_view target) {
  if (!IsShortName(name) || BareName(name) != name) {
    return fmt::format("alias '{}': it is not a short name without a tag", name);
  }
  if (target.empty()) return "";
  auto reference = Reference::Parse(target);
  if (reference && !IsShortName(target) && BareName(target) == target) return "";
  return fmt::format("alias '{}': '{}' is not a full name without a tag", name, target);
}

class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  Result<RegistriesConf> Read(const toml::table& document) {
    RegistriesConf conf;
    if (document.contains("registries")) {
      return Fail(MakeError(ErrorKind::kUnsupported,
                            fmt::format("'{}' is a registries.conf of version 1", origin_))
                      .WithHint("write it anew: containers-registries.conf(5)"));
    }
    if (const toml::node* list = document.get("registry")) {
      if (!list->is_array()) return Fail(Wrong(*list, "[[registry]] is no list of tables"));
      for (const toml::node& entry : *list->as_array()) {
        TRY(RegistryConfig registry, ReadRegistry(entry));
        if (conf.registries.contains(registry.prefix)) {
          return Fail(Wrong(entry, fmt::format("'{}' comes twice", registry.prefix)));
        }
        std::string prefix = registry.prefix;
        conf.registries[prefix] = std::move(registry);
      }
    }
    if (const toml::node* aliases = document.get("aliases")) {
      if (!aliases->is_table()) return Fail(Wrong(*aliases, "[aliases] is no table"));
      for (const auto& [name, value] : *aliases->as_table()) {
        if (!value.is_string()) return Fail(Wrong(value, "an alias is no text"));
        const std::string& target = value.as_string()->get();
        if (auto why = WhyNoAlias(name.str(), target); !why.empty()) {
          return Fail(Wrong(value, why));
        }
        conf.aliases[std::string(name.str())] = target;
      }
    }
    return conf;
  }

 private:
  Error Wrong(const toml::node& node, std::string_view what) const {
    return MakeError(ErrorKind::kCorrupt,
                     fmt::format("'{}', line {}: {}", origin_, node.source().begin.line, what));
  }

  Result<std::string> Text(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    if (!node) return "";
    if (!node->is_string()) return Fail(Wrong(*node, fmt::format("'{}' is no text", key)));
    std::string text = node->as_string()->get();
    while (text.ends_with('/')) text.pop_back();
    return text;
  }
  Result<bool> Flag(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    if (!node) return false;
    if (!node->is_boolean()) {
      return Fail(Wrong(*node, fmt::format("'{}' is neither true nor false", key)));
    }
    return node->as_boolean()->get();
  }

  Result<RegistryConfig> ReadRegistry(const toml::node& node) const {
    if (!node.is_table()) return Fail(Wrong(node, "[[registry]] is no table"));
    const toml::table& table = *node.as_table();
    RegistryConfig registry{.origin = origin_};
    TRY(registry.prefix, Text(table, "prefix"));
    TRY(registry.location, Text(table, "location"));
    TRY(registry.insecure, Flag(table, "insecure"));
    TRY(registry.blocked, Flag(table, "blocked"));
    bool wildcard = registry.prefix.starts_with("*.");
    if (registry.prefix.empty()) registry.prefix = registry.location;
    if (registry.location.empty() && !wildcard) registry.location = registry.prefix;
    if (registry.prefix.empty()) {
      return Fail(Wrong(node, "[[registry]] has neither prefix nor location"));
    }
    size_t star = registry.prefix.find('*');
    if (star != std::string::npos &&
        (!wildcard || registry.prefix.find_first_of("*/:@", 1) != std::string::npos)) {
      return Fail(Wrong(node, "a wildcard is written *.example.com"));
    }
    TRY(bool digest_only, Flag(table, "mirror-by-digest-only"));
    if (const toml::node* mirrors = table.get("mirror")) {
      if (!mirrors->is_array()) return Fail(Wrong(*mirrors, "mirror is no list of tables"));
      for (const toml::node& entry : *mirrors->as_array()) {
        TRY(MirrorConfig mirror, ReadMirror(entry, digest_only));
        registry.mirrors.push_back(std::move(mirror));
      }
    }
    return registry;
  }

  Result<MirrorConfig> ReadMirror(const toml::node& node, bool digest_only) const {
    if (!node.is_table()) return Fail(Wrong(node, "a mirror is no table"));
    const toml::table& table = *node.as_table();
    MirrorConfig mirror;
    TRY(mirror.location, Text(table, "location"));
    TRY(mirror.insecure, Flag(table, "insecure"));
    TRY(std::string use, Text(table, "pull-from-mirror"));
    if (mirror.location.empty()) return Fail(Wrong(node, "a mirror has no location"));
    if (use == "digest-only" || (use.empty() && digest_only)) {
      mirror.use = MirrorConfig::Use::kDigestOnly;
    } else if (use == "tag-only") {
      mirror.use = MirrorConfig::Use::kTagOnly;
    } else if (!use.empty() && use != "all") {
      return Fail(Wrong(node, fmt::format("pull-from-mirror is '{}'", use)));
    }
    if (!use.empty() && digest_only) {
      return Fail(Wrong(node, "pull-from-mirror does not go with mirror-by-digest-only"));
    }
    return mirror;
  }

  const std::string& origin_;
};

// How much of `name` ("example.com/foo/app:1") the prefix stands for; 0: it does not match.
size_t MatchLength(std::string_view prefix, std::string_view name) {
  if (prefix.starts_with("*.")) {
    std::string_view domain = name.substr(0, name.find('/'));
    std::string_view suffix = prefix.substr(1);
    return domain.size() > suffix.size() && domain.ends_with(suffix) ? domain.size() : 0;
  }
  if (!name.starts_with(prefix)) return 0;
  std::string_view rest = name.substr(prefix.size());
  bool host = prefix.find('/') == std::string_view::npos;  // then ':' would be another port
  bool ends = rest.empty() || rest[0] == '/' || (!host && (rest[0] == ':' || rest[0] == '@'));
  return ends ? prefix.size() : 0;
}

// `rest` of a name at another place; tag and digest stay the user's.
Result<Reference> At(std::string_view location, std::string_view rest, const Reference& logical,
                     const std::string& origin) {
  TRY_CONTEXT_SET(Reference there, Reference::Parse(fmt::format("{}{}", location, rest)),
                  "'{}': location '{}'", origin, location);
  if (there.tag() == logical.tag() && there.digest() == logical.digest()) return there;
  return Fail(ErrorKind::kCorrupt, "'{}': location '{}' changes the tag or digest of '{}'", origin,
              location, logical.Familiar());
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<> LoadFile(const std::string& path, RegistriesConf& conf) {
  TRY(std::string text, core::ReadFile(path, kMaxConfBytes));
  TRY(RegistriesConf more, ParseRegistriesConf(text, path));
  MergeRegistriesConf(conf, std::move(more));
  return {};
}

Error Blocked(std::string_view name, const RegistryConfig& registry) {
  return MakeError(ErrorKind::kPermission, fmt::format("'{}' is blocked: prefix '{}' in '{}'", name,
                                                       registry.prefix, registry.origin));
}

}  // namespace

Result<RegistriesConf> ParseRegistriesConf(std::string_view text, const std::string& origin) {
  try {
    return Reader(origin).Read(toml::parse(text, origin));
  } catch (const toml::parse_error& error) {
    return Fail(ErrorKind::kCorrupt, "'{}', line {}: {}", origin, error.source().begin.line,
                error.description());
  } catch (const std::logic_error&) {
    return Fail(ErrorKind::kCorrupt, "'{}': a malformed key", origin);
  }
}

void MergeRegistriesConf(RegistriesConf& base, RegistriesConf later) {
  for (auto& [prefix, registry] : later.registries) base.registries[prefix] = std::move(registry);
  for (auto& [name, value] : later.aliases) {
    if (value.empty()) {
      base.aliases.erase(name);
    } else {
      base.aliases[name] = std::move(value);
    }
  }
}

Result<RegistriesConf> LoadRegistriesConf() {
  RegistriesConf conf;
  std::string own = Environment("XDG_CONFIG_HOME");
  if (std::string home = Environment("HOME"); own.empty() && !home.empty()) own = home + "/.config";
  if (!own.empty()) own += "/containers";
  if (std::string named = Environment("CONTAINERS_REGISTRIES_CONF"); !named.empty()) {
    TRY(LoadFile(named, conf));
  } else if (!own.empty() && core::Exists(own + "/registries.conf")) {
    TRY(LoadFile(own + "/registries.conf", conf));
  } else if (core::Exists("/etc/containers/registries.conf")) {
    TRY(LoadFile("/etc/containers/registries.conf", conf));
  }
  std::vector<std::string> directories = {"/etc/containers/registries.conf.d"};
  if (!own.empty()) directories.push_back(own + "/registries.conf.d");
  for (const std::string& directory : directories) {
    TRY(auto names, core::ListDirectory(directory));
    for (const std::string& name : names) {
      if (name.ends_with(".conf")) TRY(LoadFile(fmt::format("{}/{}", directory, name), conf));
    }
  }
  // What podman has learnt by asking; it counts for more.
  std::string learnt = "/var/cache/containers";
  if (::geteuid() != 0) {
    learnt = Environment("XDG_CACHE_HOME");
    if (learnt.empty()) learnt = Environment("HOME") + "/.cache";
    learnt += "/containers";
  }
  learnt += "/short-name-aliases.conf";
  if (core::Exists(learnt)) TRY(LoadFile(learnt, conf));
  return conf;
}

bool IsShortName(std::string_view name) {
  auto reference = Reference::Parse(name);
  if (!reference) return false;
  // A registry that was named is still in front.
  std::string_view first = name.substr(0, name.find('/'));
  bool named =
      first.size() < name.size() && (first == reference->domain() || first == "index.docker.io");
  return !named;
}

Result<std::string> ResolveShortName(std::string_view name) {
  if (!IsShortName(name)) return std::string(name);
  TRY(RegistriesConf conf, LoadRegistriesConf());
  return ResolveAlias(conf, name);
}

std::string ResolveAlias(const RegistriesConf& conf, std::string_view name) {
  std::string_view bare = BareName(name);
  auto alias = conf.aliases.find(std::string(bare));
  if (alias == conf.aliases.end()) return std::string(name);
  return fmt::format("{}{}", alias->second, name.substr(bare.size()));
}

const RegistryConfig* FindRegistryConfig(const RegistriesConf& conf, std::string_view name) {
  const RegistryConfig* best = nullptr;
  for (const auto& [prefix, registry] : conf.registries) {
    if (MatchLength(prefix, name) == 0) continue;
    if (!best || prefix.size() > best->prefix.size()) best = &registry;
  }
  return best;
}

Result<bool> IsInsecureRegistry(const RegistriesConf& conf, std::string_view name) {
  const RegistryConfig* registry = FindRegistryConfig(conf, name);
  if (registry == nullptr) return false;
  if (registry->blocked) return Fail(Blocked(name, *registry));
  return registry->insecure;
}

Result<std::vector<PullEndpoint>> EndpointsFor(const RegistriesConf& conf,
                                               const Reference& reference) {
  std::string name = reference.ToString();
  const RegistryConfig* registry = FindRegistryConfig(conf, name);
  if (!registry) return std::vector{PullEndpoint{.reference = reference}};
  if (registry->blocked) return Fail(Blocked(reference.Familiar(), *registry));
  std::string_view rest = std::string_view(name).substr(MatchLength(registry->prefix, name));
  std::vector<PullEndpoint> endpoints;
  for (const MirrorConfig& mirror : registry->mirrors) {
    bool by_digest = !reference.digest().empty();
    if (mirror.use == MirrorConfig::Use::kDigestOnly && !by_digest) continue;
    if (mirror.use == MirrorConfig::Use::kTagOnly && by_digest) continue;
    TRY(Reference there, At(mirror.location, rest, reference, registry->origin));
    endpoints.push_back(
        {.reference = std::move(there), .insecure = mirror.insecure, .mirror = true});
  }
  Reference primary = reference;
  if (!registry->location.empty()) {
    TRY(primary, At(registry->location, rest, reference, registry->origin));
  }
  endpoints.push_back({.reference = std::move(primary), .insecure = registry->insecure});
  return endpoints;
}

}  // namespace hoy::oci
