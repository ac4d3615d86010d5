#include "core/engine/run_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/state/json_fields.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

std::string StartPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/start.json";
}

}  // namespace

Result<> MakeRunDirectory(const Layout& layout, std::string_view id, uid_t owner, gid_t group) {
  std::string directory = layout.RunContainer(id);
  auto made = MakeDirectory(directory, 0700);
  if (!made && made.error().system_errno == EEXIST) {
    TRY(RemoveTree(directory));
    made = MakeDirectory(directory, 0700);
  }
  TRY(std::move(made));
  for (const char* name : {"/out", "/err"}) {
    std::string path = directory + name;
    if (mkfifo(path.c_str(), 0600) != 0) return FailErrno("create fifo", path);
    if ((owner != 0 || group != 0) && chown(path.c_str(), owner, group) != 0) {
      return FailErrno("change owner", path);
    }
  }
  return {};
}

// Known names first: a plain rm -rf has to list the directory.
Result<> RemoveRunDirectory(const Layout& layout, std::string_view id) {
  std::string directory = layout.RunContainer(id);
  for (const char* name : {"/out", "/err", "/start.json", "/servers", "/attach.sock", "/pty.sock",
                           "/state.json", "/network.json"}) {
    unlink((directory + name).c_str());
  }
  return RemoveTree(directory);
}

Result<> WriteCgroupLocation(const Layout& layout, std::string_view id,
                             const CgroupLocation& cgroup) {
  Json json = {
      {"version", 1},
      {"cgroup", {{"version", ToString(cgroup.version)}, {"directories", cgroup.directories}}}};
  return WriteFileAtomically(StartPath(layout, id), json.dump() + "\n", Durability::kVolatile);
}

Result<CgroupLocation> ReadCgroupLocation(const Layout& layout, std::string_view id) {
  TRY(std::string text, ReadFile(StartPath(layout, id)));
  auto json = JsonText::Parse(text);
  JsonFields fields(json ? json->root()["cgroup"] : JsonView());
  std::string version;
  StringPairs directories;
  fields.Read("version", version);
  fields.Read("directories", directories);
  if (version.empty() || !fields.all_fit()) {
    return Fail(ErrorKind::kCorrupt, "'{}': not a start record", StartPath(layout, id));
  }
  return CgroupLocation{ParseCgroupVersion(version), std::move(directories)};
}

}  // namespace hoy::core
