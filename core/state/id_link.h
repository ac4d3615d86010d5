#pragma once
// A symlink that leads to a container's id: a name, or the lease of an address. symlink(2) fails
// where there is one already, so that it is its own lock, and it is never half written.
//
// The id stands in it as 43 characters of base64url (RFC 4648, section 5) instead of 64 digits: up
// to 59 fit into the inode of ext4, and cost no block on the disk, nor its release.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

std::string PackId(std::string_view id);
// What is not packed is returned as it is: older links have the digits.
std::string UnpackId(std::string_view packed);

// False: there is something at `path`.
Result<bool> MakeIdLink(const std::string& path, std::string_view id);
// "": there is no such link.
Result<std::string> ReadIdLink(const std::string& path);

}  // namespace hoy::core
