#include "core/cgroup/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// cgroup file systems keep trusted.* attributes since Linux 3.7.
constexpr const char* kMadeByHoy = "trusted.hoy.made";

std::vector<std::string> Subdirectories(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (dirent* entry = readdir(stream)) {
    std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      names.push_back(directory + "/" + std::string(name));
    }
  }
  closedir(stream);
  return names;
}

Result<> AppendProcesses(const std::string& directory, std::vector<pid_t>& pids) {
  auto text = ReadFile(directory + "/cgroup.procs");
  if (!text) {
    // Gone, or (v2) a threaded cgroup whose processes its parent shows.
    int code = text.error().system_errno;
    if (code == ENOENT || code == ENODEV || code == EOPNOTSUPP) return {};
    return Fail(std::move(text).error());
  }
  for (std::string_view line : Split(*text, '\n')) {
    // 0 stands for a process outside of this pid namespace.
    if (auto pid = ParseInteger<pid_t>(line); pid && *pid > 0) pids.push_back(*pid);
  }
  for (const std::string& child : Subdirectories(directory)) TRY(AppendProcesses(child, pids));
  return {};
}

// Whether /proc/<pid>/cgroup has the directory's last component as one of its own.
bool IsInCgroup(pid_t pid, std::string_view directory_name) {
  auto text = ReadFile(fmt::format("/proc/{}/cgroup", pid));
  if (!text) return false;
  return std::ranges::any_of(Split(*text, '\n'), [&](std::string_view line) {
    return std::ranges::any_of(Split(line, '/'),
                               [&](std::string_view part) { return part == directory_name; });
  });
}

// 0 or errno. Everything below goes first.
int RemoveOnce(const std::string& directory) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return 0;
  if (errno != EBUSY && errno != ENOTEMPTY) return errno;
  auto children = Subdirectories(directory);
  if (children.empty()) return EBUSY;
  for (const std::string& child : children) {
    if (int code = RemoveOnce(child); code != 0) return code;
  }
  return rmdir(directory.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

// mkdir; an empty left-over of the same name is replaced, for it may have settings.
Result<> MakeEmptyCgroup(const std::string& directory) {
  if (mkdir(directory.c_str(), 0755) == 0) return {};
  if (errno != EEXIST) return FailErrno("mkdir", directory);
  if (int code = RemoveOnce(directory); code != 0) {
    return Fail(SystemError("rmdir", directory, code)
                    .WithKind(code == EBUSY ? ErrorKind::kAlreadyExists : ErrorKind::kSystem)
                    .InContext("a cgroup of this container exists already"));
  }
  if (mkdir(directory.c_str(), 0755) != 0) return FailErrno("mkdir", directory);
  return {};
}

Result<> MakeParents(const std::string& mountpoint, std::string_view path,
                     const std::function<Result<>(const std::string&)>& made) {
  std::string directory = mountpoint;
  for (std::string_view part : Split(path, '/')) {
    if (part.empty()) continue;
    directory.append("/").append(part);
    if (mkdir(directory.c_str(), 0755) == 0) {
      setxattr(directory.c_str(), kMadeByHoy, "1", 1, 0);
      TRY(made(directory));
    } else if (errno != EEXIST) {
      return FailErrno("mkdir", directory);
    }
  }
  return {};
}

}  // namespace

std::string CgroupDirectoryName(std::string_view id) {
  return fmt::format("hoy-{}", id);
}

Result<std::string> ResolveCgroupParent(std::string_view parent, std::string_view base) {
  std::string resolved = parent.starts_with('/') ? "" : std::string(base);
  for (std::string_view part : Split(parent, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return Fail(ErrorKind::kInvalidArgument, "--cgroup-parent '{}': must not contain '..'",
                  parent);
    }
    resolved.append("/").append(part);
  }
  return resolved;
}

Result<std::string> MakeContainerCgroup(
    const std::string& mountpoint, std::string_view path, std::string_view id,
    const std::function<Result<>(const std::string&)>& made_parent) {
  // Another container's Remove may take an empty parent away under our hands: make it again.
  constexpr int kAttempts = 20;
  std::string parent = mountpoint + std::string(path);
  std::string directory = parent + "/" + CgroupDirectoryName(id);
  for (int attempt = 1;; ++attempt) {
    auto made = MakeEmptyCgroup(directory);
    if (made) return directory;
    if (made.error().system_errno != ENOENT || attempt == kAttempts) {
      return Fail(std::move(made).error());
    }
    auto parents = MakeParents(mountpoint, path, made_parent);
    if (!parents && parents.error().system_errno != ENOENT) {
      return Fail(std::move(parents).error());
    }
  }
}

void RemoveMarkedCgroups(std::string directory) {
  while (getxattr(directory.c_str(), kMadeByHoy, nullptr, 0) >= 0) {
    if (rmdir(directory.c_str()) != 0 && errno != ENOENT) return;
    directory = ParentOf(directory);
  }
}

std::string ParentOf(const std::string& directory) {
  return directory.substr(0, directory.rfind('/'));
}

void WaitABit(const std::string&, milliseconds at_most) {
  std::this_thread::sleep_for(std::min(at_most, milliseconds(2)));
}

Result<> RemoveCgroup(const std::string& directory, milliseconds patience,
                      const CgroupWaiter& wait_for_change) {
  auto deadline = Clock::now() + patience;
  while (true) {
    int code = RemoveOnce(directory);
    if (code == 0) return {};
    if (code != EBUSY) return FailErrno("rmdir", directory, code);
    auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      auto pids = ProcessesInCgroup(directory);
      return Fail(SystemError("rmdir", directory, EBUSY)
                      .WithKind(ErrorKind::kConflict)
                      .WithHint(pids && !pids->empty()
                                    ? fmt::format("still in it: process {}", fmt::join(*pids, ", "))
                                    : ""));
    }
    wait_for_change(directory, left);
  }
}

Result<std::vector<pid_t>> ProcessesInCgroup(const std::string& directory) {
  std::vector<pid_t> pids;
  TRY(AppendProcesses(directory, pids));
  return pids;
}

Result<size_t> KillProcessesInCgroup(const std::string& directory) {
  TRY(auto pids, ProcessesInCgroup(directory));
  std::string_view name = std::string_view(directory).substr(directory.rfind('/') + 1);
  for (pid_t pid : pids) {
    Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd || !IsInCgroup(pid, name)) continue;
    if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
      return FailErrno("kill", std::to_string(pid));
    }
  }
  return pids.size();
}

Result<> WriteLimit(const std::string& directory, const LimitWrite& write) {
  std::string path = directory + "/" + write.file;
  auto written = WriteControlFile(path, write.value);
  if (written) return {};
  int code = written.error().system_errno;
  if (code == ENOENT && !write.fallback_file.empty()) {
    written = WriteControlFile(directory + "/" + write.fallback_file, write.fallback_value);
    if (written) return {};
    code = written.error().system_errno;
  }
  if (!write.required && (code == ENOENT || code == EACCES || code == EOPNOTSUPP)) return {};
  switch (code) {
    case ENOENT:
    case EOPNOTSUPP:
      return Fail(std::move(written)
                      .error()
                      .InContext(fmt::format("{}: this kernel's {} controller cannot do it",
                                             write.flag, write.controller))
                      .WithKind(ErrorKind::kUnsupported)
                      .WithHint(fmt::format("leave out {}, or use a kernel that has {}", write.flag,
                                            write.file)));
    case EACCES:
    case EPERM:
    case EROFS:
      return Fail(std::move(written)
                      .error()
                      .InContext(fmt::format("{}: the {} controller is not ours to write",
                                             write.flag, write.controller))
                      .WithKind(ErrorKind::kUnsupported)
                      .WithHint(fmt::format("leave out {}, or run hoy where it may write {}",
                                            write.flag, directory)));
    case EBUSY:
      return Fail(std::move(written)
                      .error()
                      .InContext(fmt::format("{} {}: in use beyond it", write.flag, write.value))
                      .WithKind(ErrorKind::kConflict));
    default:
      return Fail(
          std::move(written)
              .error()
              .InContext(fmt::format("{} {}: refused by the kernel", write.flag, write.value))
              .WithKind(ErrorKind::kInvalidArgument));
  }
}

std::optional<uint64_t> ReadCgroupNumber(const std::string& path) {
  auto text = ReadFile(path, 4096);
  return text ? ParseInteger<uint64_t>(Trim(*text)) : std::nullopt;
}

uint64_t FlatKeyed(std::string_view text, std::string_view key) {
  for (std::string_view line : Split(text, '\n')) {
    auto [name, value] = CutAt(line, ' ');
    if (name == key && value) return ParseInteger<uint64_t>(*value).value_or(0);
  }
  return 0;
}

}  // namespace hoy::core
