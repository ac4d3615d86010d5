#pragma once
// Which file a container's first argument means: execvp(3) inside the container's root, without
// being there.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/rootfs/layered_root.h"

namespace hoy::core {

// Where programs are when the environment has no PATH: docker's default.
inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The value of PATH in "NAME=value" lines, or kDefaultPath.
std::string_view PathOf(const std::vector<std::string>& env);

// The absolute path to exec. A `name` with a slash is only made absolute: the kernel's own answer
// is the truth there. Otherwise the first regular file with an x bit in `path_env` (empty entry:
// `cwd`). Errors are kStart with stage "lookup": ENOENT, or EACCES where only files without an x
// bit were found.
Result<std::string> FindExecutable(LayeredRoot& root, std::string_view path_env,
                                   std::string_view cwd, std::string_view name);

// Programs on `path_env` whose names are close to `name`, best first, at most three.
std::vector<std::string> NearbyExecutables(LayeredRoot& root, std::string_view path_env,
                                           std::string_view name);

}  // namespace hoy::core
