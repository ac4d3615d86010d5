#pragma once
// Images that are not in a registry, spelled as skopeo spells them: "oci:DIR[:REF]",
// "oci-archive:FILE[:REF]", "docker-archive:FILE[:NAME]", "dir:DIR"; "docker://NAME" is a
// registry's.

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::cli {

enum class Transport { kOci, kOciArchive, kDockerArchive, kDir };

struct TransportReference {
  Transport transport;
  std::string path;
  std::string reference;  // which image of several; empty: not said
};

// nullopt: a plain image name. "oci:latest" is a directory: an image of that name is
// "docker.io/library/oci:latest".
std::optional<TransportReference> ParseTransport(std::string_view text);

// kUnsupported, with what to do instead: skopeo's names for what belongs to another program's
// store ("docker-daemon:", "containers-storage:") and others that hoy does not know.
Result<> CheckTransport(std::string_view text);

// Without "docker://".
std::string_view WithoutDockerTransport(std::string_view text);

}  // namespace hoy::cli
