#include "core/engine/exec_sessions.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/cgroup/kill_leaf.h"
#include "core/cgroup/leaf.h"
#include "core/state/container_id.h"
#include "core/state/name_generator.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr size_t kMostBytes = 8 << 20;  // arguments take 6 MiB at most

std::string ExecDirectory(const Layout& layout, std::string_view container) {
  return layout.RunContainer(container) + "/exec";
}

// "<session id>.<guard pid>"
struct EntryName {
  std::string session_id;
  pid_t guard = 0;
};
std::optional<EntryName> ParseEntryName(std::string_view name) {
  auto [id, pid] = CutAt(name, '.');
  if (id.size() != kIdLength || !pid) return std::nullopt;
  auto number = ParseInteger<pid_t>(*pid);
  if (!number || *number <= 0) return std::nullopt;
  return EntryName{std::string(id), *number};
}

bool Exists(pid_t pid) {
  return kill(pid, 0) == 0 || errno != ESRCH;
}

// An empty record is one whose process is still to come, or a left-over.
std::optional<ExecSession> ReadEntry(const std::string& path) {
  auto text = ReadFile(path, kMostBytes);
  if (!text || text->empty()) return std::nullopt;
  auto session = DecodeExecSession(*text);
  return session ? std::optional(*std::move(session)) : std::nullopt;
}

// Those whose guard has died, and whose process has ended.
struct Abandoned {
  std::string session_id;
  std::string path;
};
std::vector<Abandoned> FindAbandoned(const Layout& layout, std::string_view container) {
  std::vector<Abandoned> found;
  std::string directory = ExecDirectory(layout, container);
  auto names = ListDirectory(directory);
  if (!names) return found;
  for (const std::string& name : *names) {
    auto entry = ParseEntryName(name);
    if (!entry || Exists(entry->guard)) continue;
    std::string path = fmt::format("{}/{}", directory, name);
    auto session = ReadEntry(path);
    if (session && IsAlive(session->process).value_or(true)) continue;
    found.push_back({entry->session_id, std::move(path)});
  }
  return found;
}

}  // namespace

ExecPlace ChooseExecPlace(const Layout& layout, std::string_view container,
                          const CgroupLocation& cgroup, pid_t guard) {
  ExecPlace place;
  place.session_id = RandomContainerId();
  place.directory = ExecDirectory(layout, container);
  place.record = fmt::format("{}/{}.{}", place.directory, place.session_id, guard);
  place.cgroup = LocateLeaf(cgroup, ShortId(place.session_id));
  return place;
}

Result<> PublishExecSession(const ExecPlace& place, const ExecSession& session) {
  TRY(Fd file, OpenAt(kCwd, place.record, O_WRONLY));
  return WriteAll(file, EncodeExecSession(session), place.record);
}

Result<std::vector<ExecSession>> ListExecSessions(const Layout& layout,
                                                  std::string_view container) {
  std::string directory = ExecDirectory(layout, container);
  TRY(std::vector<std::string> names, ListDirectory(directory));
  std::vector<ExecSession> sessions;
  for (const std::string& name : names) {
    if (!ParseEntryName(name)) continue;
    auto session = ReadEntry(fmt::format("{}/{}", directory, name));
    if (session && IsAlive(session->process).value_or(true))
      sessions.push_back(*std::move(session));
  }
  std::ranges::sort(sessions, {}, &ExecSession::started_at);
  return sessions;
}

int HealExecSessions(const Layout& layout, std::string_view container,
                     const CgroupLocation& cgroup) {
  int healed = 0;
  for (const Abandoned& one : FindAbandoned(layout, container)) {
    std::string leaf = LocateLeaf(cgroup, ShortId(one.session_id)).directory;
    if (!leaf.empty() && !RemoveLeaf(leaf.c_str())) continue;
    unlink(one.path.c_str());
    ++healed;
  }
  return healed;
}

int CountAbandonedSessions(const Layout& layout, std::string_view container) {
  return static_cast<int>(FindAbandoned(layout, container).size());
}

}  // namespace hoy::core
