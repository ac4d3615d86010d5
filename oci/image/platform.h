#pragma once
// Platforms: OCI image-spec image-index.md "platform", normalised as containerd does it.

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::oci {

struct Platform {
  std::string os;            // "linux"
  std::string architecture;  // GOARCH: "amd64", "arm64", "arm", "386", ...
  std::string variant;       // "v8", "v7" ...; empty: the architecture's default

  std::string ToString() const;  // "linux/arm64/v8"; the variant only when there is one
  bool operator==(const Platform&) const = default;
};

// "linux/arm64/v8", "linux/arm64", "arm64", "linux"; uname spellings (x86_64, aarch64, armhf) are
// taken too. What is missing comes from `host`. kInvalidArgument otherwise.
Result<Platform> ParsePlatform(std::string_view text, const Platform& host);

// x86_64 -> amd64, aarch64 and arm64/v8 -> arm64 without variant, arm -> arm/v7, ...
Platform Normalize(Platform platform);

Platform HostPlatform();  // from uname(2)

// The platform to fetch: --platform first, then DOCKER_DEFAULT_PLATFORM, then the host; empty texts
// count as not given.
Result<Platform> ChoosePlatform(std::string_view flag, std::string_view docker_default_platform);

// How well an image for `candidate` serves `wanted`: 0 is exact, larger is worse (an older arm or
// amd64 variant), nullopt cannot run.
std::optional<int> MatchRank(const Platform& wanted, const Platform& candidate);

}  // namespace hoy::oci
