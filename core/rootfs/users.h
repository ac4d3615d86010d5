#pragma once
// Users and groups of a container, looked up in its own /etc/passwd and /etc/group as docker does.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/rootfs/layered_root.h"

namespace hoy::core {

struct ResolvedUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // for setgroups(2): the primary one first, each once
  std::string name;           // empty when the image has no such entry
  std::string home = "/";     // for HOME

  bool operator==(const ResolvedUser&) const = default;
};

// `user` is "", "user", "user:group", "uid:gid" or a mix. A number need not be listed: then the
// group is 0 and the home "/". A group that is given replaces all groups of the user's own.
// `additional_groups` are names or numbers. Files that are missing count as empty, malformed lines
// are skipped. kNotFound: "unknown user 'x' in the image", "unknown group ..."; kInvalidArgument:
// a number out of 0-2147483647; kCorrupt: an absurdly long file, or more groups than setgroups(2)
// takes.
Result<ResolvedUser> ResolveUser(LayeredRoot& root, std::string_view user,
                                 const std::vector<std::string>& additional_groups);

}  // namespace hoy::core
