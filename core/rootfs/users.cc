#include "core/rootfs/users.h"

#include <limits.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "core/base/text.h"

namespace hoy::core {
namespace {

constexpr size_t kMaxDatabase = 16 << 20;  // bytes; a dump of a large directory service fits
constexpr uint32_t kMaxId = 0x7fffffff;    // docker's limit; the kernel's -1 means "no change"

// Calls `visit` with the fields of each line until it returns false.
template <typename Visit>
void ForEachEntry(std::string_view database, size_t min_fields, Visit visit) {
  while (!database.empty()) {
    Cut line = CutAt(database, '\n');
    database = line.after.value_or("");
    std::string_view text = Trim(line.before);
    if (text.empty() || text.starts_with('#')) continue;
    auto fields = Split(text, ':');
    if (fields.size() < min_fields) continue;
    if (!visit(fields)) return;
  }
}

// A file that is missing, or a directory or device in its place, names nobody.
Result<std::string> ReadDatabase(LayeredRoot& root, const char* path) {
  auto file = root.Find(path);
  if (!file.has_value() || !S_ISREG(file->status.st_mode)) return std::string();
  return root.Read(*file, kMaxDatabase);
}

struct PasswdEntry {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};

std::optional<PasswdEntry> FindUser(std::string_view passwd, std::string_view name_or_number) {
  std::optional<PasswdEntry> found;
  ForEachEntry(passwd, 6, [&](const std::vector<std::string_view>& fields) {
    if (fields[0] != name_or_number && fields[2] != name_or_number) return true;
    auto uid = ParseInteger<uint32_t>(fields[2]);
    auto gid = ParseInteger<uint32_t>(fields[3]);
    if (!uid || !gid) return true;
    found = PasswdEntry{std::string(fields[0]), *uid, *gid, std::string(fields[5])};
    return false;
  });
  return found;
}

std::optional<gid_t> FindGroup(std::string_view groups, std::string_view name_or_number) {
  std::optional<gid_t> found;
  ForEachEntry(groups, 3, [&](const std::vector<std::string_view>& fields) {
    if (fields[0] != name_or_number && fields[2] != name_or_number) return true;
    found = ParseInteger<uint32_t>(fields[2]);
    return !found.has_value();
  });
  return found;
}

std::vector<gid_t> GroupsOfMember(std::string_view groups, std::string_view user) {
  std::vector<gid_t> found;
  ForEachEntry(groups, 4, [&](const std::vector<std::string_view>& fields) {
    auto members = Split(fields[3], ',');
    auto gid = ParseInteger<uint32_t>(fields[2]);
    if (gid && std::ranges::find(members, user) != members.end()) found.push_back(*gid);
    return true;
  });
  return found;
}

Result<uint32_t> ParseId(std::string_view text, std::string_view what) {
  bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) {
    Error error =
        MakeError(ErrorKind::kNotFound, fmt::format("unknown {} '{}' in the image", what, text));
    error.stage = "user";
    error.subject = text;
    return Fail(std::move(error).WithHint(
        fmt::format("it is not in the image's /etc/{}; a number works without an entry",
                    what == "user" ? "passwd" : "group")));
  }
  auto id = ParseInteger<uint32_t>(text);
  if (!id || *id > kMaxId) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': not in the range 0-{}", what, text, kMaxId);
  }
  return *id;
}

}  // namespace

Result<ResolvedUser> ResolveUser(LayeredRoot& root, std::string_view user,
                                 const std::vector<std::string>& additional_groups) {
  Cut parts = CutAt(user, ':');
  std::string_view user_part = parts.before.empty() ? "0" : parts.before;
  std::string_view group_part = parts.after.value_or("");
  ResolvedUser resolved;
  TRY(std::string passwd, ReadDatabase(root, "/etc/passwd"));
  if (auto entry = FindUser(passwd, user_part)) {
    resolved.uid = entry->uid;
    resolved.gid = entry->gid;
    resolved.name = entry->name;
    if (!entry->home.empty()) resolved.home = entry->home;
  } else {
    TRY(resolved.uid, ParseId(user_part, "user"));
  }

  std::string groups;
  bool reads_groups = !group_part.empty() || !resolved.name.empty() || !additional_groups.empty();
  if (reads_groups) {
    TRY(groups, ReadDatabase(root, "/etc/group"));
  }
  auto group_id = [&](std::string_view text) -> Result<gid_t> {
    if (auto gid = FindGroup(groups, text)) return *gid;
    return ParseId(text, "group");
  };
  std::vector<gid_t> memberships;
  if (!group_part.empty()) {
    TRY(resolved.gid, group_id(group_part));
  } else if (!resolved.name.empty()) {
    memberships = GroupsOfMember(groups, resolved.name);
  }
  std::unordered_set<gid_t> seen;
  auto add = [&](gid_t gid) {
    if (seen.insert(gid).second) resolved.groups.push_back(gid);
  };
  // The primary group as well: without it, a setgid program could shed it (CVE-2022-36109).
  add(resolved.gid);
  for (gid_t gid : memberships) add(gid);
  for (const std::string& group : additional_groups) {
    TRY(gid_t gid, group_id(group));
    add(gid);
  }
  if (resolved.groups.size() > NGROUPS_MAX) {
    return Fail(ErrorKind::kCorrupt,
                "user '{}' is in {} groups of the image's /etc/group: the kernel takes {} at most",
                user_part, resolved.groups.size(), NGROUPS_MAX);
  }
  return resolved;
}

}  // namespace hoy::core
