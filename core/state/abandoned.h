#pragma once
// Directories that appear and go by a rename, of containers and volumes: <parent>/.new-* is one
// that somebody makes, .gone-* one that he takes away. He holds its flock(2) all the while; where
// that is free, he has died.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

inline constexpr std::string_view kNewPrefix = ".new-";
inline constexpr std::string_view kGonePrefix = ".gone-";

// Makes one and holds it, whoever looks for abandoned ones meanwhile.
Result<Fd> MakeLockedDirectory(const std::string& path, mode_t mode);

// Names of those whose owner has died.
std::vector<std::string> ListAbandoned(const std::string& parent);
// Deletes them, and says which it deleted.
std::vector<std::string> RemoveAbandonedIn(const std::string& parent);

}  // namespace hoy::core
