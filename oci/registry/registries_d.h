#pragma once
// registries.d (containers-registries.d(5)): where a registry's images have their signatures.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/image/reference.h"

namespace hoy::oci {

struct LookasideSection {
  std::string lookaside;                // "lookaside", once "sigstore": file:, http: or https:
  std::optional<bool> use_attachments;  // "use-sigstore-attachments"
  std::string origin;                   // the file
};

struct RegistriesD {
  std::optional<LookasideSection> fallback;        // "default-docker"
  std::map<std::string, LookasideSection> docker;  // by scope: "docker.io/library"
};

// kCorrupt, with the line: no YAML, or not of this shape. What else is in a section is left alone,
// as other programs have settings of their own there.
Result<RegistriesD> ParseRegistriesD(std::string_view yaml, const std::string& origin);

// kCorrupt: both have a section for the same scope.
Result<> MergeRegistriesD(RegistriesD& base, RegistriesD more);

// *.yaml in ~/.config/containers/registries.d if that is there, else in
// /etc/containers/registries.d.
Result<RegistriesD> LoadRegistriesD();

struct SignaturePlaces {
  std::string lookaside;  // base URL; that of the built-in default when nothing is configured
  bool attachments = false;
};
// Each from the most specific section that sets it.
SignaturePlaces PlacesFor(const RegistriesD& conf, const Reference& reference);

}  // namespace hoy::oci
