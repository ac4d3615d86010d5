#pragma once
// Names of containers: which ones are allowed, and random ones for those that were given none.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

// [a-zA-Z0-9][a-zA-Z0-9_.-]+, as docker and podman have it for containers and volumes.
bool IsValidContainerName(std::string_view name);

// kInvalidArgument, when no container may be called that: also a name that could be an id.
Result<> CheckContainerName(std::string_view name);

// "brisk_cook": an adjective and the surname of somebody who went to sea or built what went there.
// The caller tries again when the name is taken.
std::string RandomContainerName();
std::string ContainerNameFor(uint64_t random);  // the same, pure

// 64 hex digits that no image and no person chose. Never all decimal in its first 12, which would
// read as a number.
std::string RandomContainerId();

}  // namespace hoy::core
