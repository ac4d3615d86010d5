#pragma once
// Patterns of paths, as shells have them. Not glob(3), which needs the C library's user look-ups.

#include <string>
#include <string_view>
#include <vector>

namespace hoy::cli {

// What an absolute pattern finds, sorted: * ? and [] match within a component, and a leading dot
// only when it is written out. Symlinks are followed. Without such a character: the path itself, if
// it is there.
std::vector<std::string> FindPaths(std::string_view pattern);

}  // namespace hoy::cli
