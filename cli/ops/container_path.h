#pragma once
// CONTAINER:PATH, as cp and stat take it.

#include <optional>
#include <string>
#include <string_view>

namespace hoy::cli {

struct ContainerPath {
  std::string container;
  std::string path;  // from the container's root, whether it begins with a slash or not
};

// nullopt: a path of the host: it has no colon, or begins with "/" or "." (docker's rule).
std::optional<ContainerPath> ParseContainerPath(std::string_view text);

}  // namespace hoy::cli
