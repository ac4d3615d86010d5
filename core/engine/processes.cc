#include "core/engine/processes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "core/base/text.h"
#include "core/cgroup/cgroup.h"
#include "core/engine/lifecycle.h"
#include "core/engine/run_directory.h"
#include "core/engine/state_rules.h"
#include "core/sys/files.h"
#include "core/sys/in_root.h"

namespace hoy::core {
namespace {

constexpr size_t kMaxDatabase = 16 << 20;

std::string NamespaceOf(std::string_view pid) {
  char target[64];
  ssize_t length = readlink(fmt::format("/proc/{}/ns/pid", pid).c_str(), target, sizeof target - 1);
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : "";
}

// Where the container has no cgroup: what shares its pid namespace.
std::vector<pid_t> ProcessesInNamespaceOf(pid_t init) {
  std::string wanted = NamespaceOf(std::to_string(init));
  if (wanted.empty() || wanted == NamespaceOf("self")) return {init};
  std::vector<pid_t> pids;
  for (const std::string& name : ListDirectory("/proc").value_or(std::vector<std::string>{})) {
    auto pid = ParseInteger<pid_t>(name);
    if (pid && NamespaceOf(name) == wanted) pids.push_back(*pid);
  }
  return pids;
}

// The container decides what lies there: nothing but a regular file is opened.
IdNames NamesIn(BorrowedFd root, const std::string& path) {
  auto found = OpenInRoot(root, path, O_PATH);
  struct stat status{};
  if (!found || fstat(found->get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  auto text = ReadFile(fmt::format("/proc/self/fd/{}", found->get()), kMaxDatabase);
  return text ? ParseIdNames(*text) : IdNames{};
}

IdNames NamesOf(const char* path) {
  auto text = ReadFile(path, kMaxDatabase);
  return text ? ParseIdNames(*text) : IdNames{};
}

}  // namespace

IdNames ParseIdNames(std::string_view passwd_or_group) {
  IdNames names;
  for (std::string_view line : Split(passwd_or_group, '\n')) {
    auto fields = Split(line, ':');
    if (fields.size() < 3 || fields[0].empty()) continue;
    if (auto number = ParseInteger<uint32_t>(fields[2])) names.emplace(*number, fields[0]);
  }
  return names;
}

Result<ProcessList> ListProcesses(const Layout& layout, std::string_view id, ListThreads threads) {
  TRY(ContainerStatus status, HealStarted(layout, id));
  auto not_running = [&] {
    return Fail(ErrorKind::kConflict, "container {} is not running", ShownName(layout, id));
  };
  TRY(Permit(Verb::kTop, status.state, layout, id));
  if (!status.run) return not_running();
  auto location = ReadCgroupLocation(layout, id);
  std::vector<pid_t> pids;
  if (location && location->version != CgroupVersion::kNone) {
    TRY(pids, Cgroup::Open(*location).Processes());
  } else {
    pids = ProcessesInNamespaceOf(status.run->init.pid);
  }
  ProcessList list;
  std::vector<std::vector<ProcFacts>> found;  // the threads of each, or itself
  for (pid_t pid : pids) {
    if (threads == ListThreads::kYes) {
      found.push_back(ReadThreadFacts(pid));
    } else if (auto facts = ReadProcFacts(pid)) {
      found.emplace_back().push_back(*std::move(facts));
    }
  }
  // What forwards ports is in the container's cgroup, and not of it (core/monitor/forwarder.h).
  std::erase_if(found, [&](const auto& process) {
    return process.empty() ||
           (process[0].ppid == status.run->monitor.pid && process[0].pid != status.run->init.pid);
  });
  std::ranges::sort(found, {}, [](const std::vector<ProcFacts>& process) {
    return std::pair(process[0].start_ticks, process[0].pid);
  });
  for (auto& process : found) std::ranges::move(process, std::back_inserter(list.processes));
  auto root =
      OpenAt(kCwd, fmt::format("/proc/{}/root", status.run->init.pid), O_PATH | O_DIRECTORY);
  // It is there now: then the number was its own when the root was opened.
  auto init = OpenProcess(status.run->init);
  if (!init || !init->has_value()) return not_running();
  if (root) {
    list.users = NamesIn(*root, "/etc/passwd");
    list.groups = NamesIn(*root, "/etc/group");
  }
  return list;
}

IdNames HostUsers() {
  return NamesOf("/etc/passwd");
}

IdNames HostGroups() {
  return NamesOf("/etc/group");
}

}  // namespace hoy::core
