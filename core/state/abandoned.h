#pragma once
// Directories that appear and go by a rename, of containers and volumes: <parent>/.new-* is one
// that somebody makes, .gone-* one that he takes away. He holds its flock(2) all the while; where
// that is free, he has died.

#include <string>
#include <string_view>
#include <vector>

namespace hoy::core {

inline constexpr std::string_view kNewPrefix = ".new-";
inline constexpr std::string_view kGonePrefix = ".gone-";

// Names of those whose owner has died.
std::vector<std::string> ListAbandoned(const std::string& parent);
// Deletes them, and says which it deleted.
std::vector<std::string> RemoveAbandonedIn(const std::string& parent);

}  // namespace hoy::core
