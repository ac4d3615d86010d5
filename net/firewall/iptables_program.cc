#include "net/firewall/iptables_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <vector>

#include "core/base/fd.h"
#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::net {
namespace {

constexpr std::string_view kUsualDirectories = ":/usr/local/sbin:/usr/sbin:/sbin";
constexpr int kLockIsHeld = 4;  // RESOURCE_PROBLEM of xtables

// Where Debian's alternatives and the like lead to: xtables-nft-multi, xtables-legacy-multi.
bool WantsNftables(const std::string& path) {
  char target[PATH_MAX];
  if (realpath(path.c_str(), target) == nullptr) return false;
  std::string_view name = target;
  name = name.substr(name.rfind('/') + 1);
  return name.find("nft") != std::string_view::npos;
}

Result<Fd> Memory(std::string_view bytes) {
  Fd fd(memfd_create("iptables", MFD_CLOEXEC));
  if (!fd) return FailErrno("memfd_create", "iptables");
  TRY(core::WriteAll(fd, bytes, "iptables"));
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return FailErrno("seek", "iptables");
  return fd;
}

Result<std::string> Contents(const Fd& fd) {
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return FailErrno("seek", "iptables");
  return core::ReadAll(fd, "iptables");
}

struct Ended {
  core::ExitStatus status;
  std::string out, errors;
};

Result<Ended> Run(const std::string& path, std::vector<std::string> arguments,
                  std::string_view input) {
  TRY(Fd in, Memory(input));
  TRY(Fd out, Memory(""));
  TRY(Fd errors, Memory(""));
  arguments.insert(arguments.begin(), path);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.get(), STDERR_FILENO);
  pid_t pid = 0;
  int failed = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return FailErrno("exec", path, failed);
  core::ChildProcess child(pid, Fd());
  Ended ended;
  TRY(ended.status, child.Wait());
  TRY(ended.out, Contents(out));
  TRY(ended.errors, Contents(errors));
  return ended;
}

Error Refusal(std::string_view program, const Ended& ended) {
  // Hints for people who typed it follow after the first line.
  std::string_view why = Trim(CutAt(Trim(ended.errors), '\n').before);
  ErrorKind kind = ended.status.code == kLockIsHeld ? ErrorKind::kSystem : ErrorKind::kUnsupported;
  return MakeError(kind, why.empty()
                             ? fmt::format("{}: it exited with {}", program, ended.status.code)
                             : fmt::format("{}: {}", program, why));
}

}  // namespace

// As the kernel lists the tables of this namespace.
bool HasIptablesTables(bool v6) {
  auto tables =
      core::ReadKernelFile(fmt::format("/proc/thread-self/net/{}_tables_names", v6 ? "ip6" : "ip"));
  return tables && !Trim(*tables).empty();
}

Result<IptablesProgram> IptablesProgram::Find(bool v6) {
  const char* path = getenv("PATH");
  std::string directories = (path != nullptr ? path : "") + std::string(kUsualDirectories);
  std::string_view plain = v6 ? "ip6tables" : "iptables";
  bool has_other = false;
  for (std::string_view suffix : {"-legacy", ""}) {
    std::string name = fmt::format("{}{}", plain, suffix);
    for (std::string_view directory : Split(directories, ':')) {
      if (!directory.starts_with('/')) continue;
      std::string program = fmt::format("{}/{}-restore", directory, name);
      if (access(program.c_str(), X_OK) != 0) continue;
      if (!WantsNftables(program)) return IptablesProgram(std::string(directory), name, v6);
      has_other = true;
    }
  }
  return Fail(ErrorKind::kUnsupported, "{}",
              has_other ? fmt::format("{} is the variant that wants it ({}-legacy is missing)",
                                      plain, plain)
                        : fmt::format("there is no {}", plain));
}

Result<std::string> IptablesProgram::Save() const {
  if (!HasIptablesTables(v6_)) return std::string();
  std::string program = name_ + "-save";
  TRY(Ended ended, Run(fmt::format("{}/{}", directory_, program), {}, ""));
  if (ended.status.code != 0) return Fail(Refusal(program, ended));
  return std::move(ended.out);
}

Result<> IptablesProgram::Restore(std::string_view text, std::chrono::seconds patience) const {
  std::string program = name_ + "-restore";
  TRY(Ended ended, Run(fmt::format("{}/{}", directory_, program),
                       {"--noflush", fmt::format("--wait={}", patience.count())}, text));
  if (ended.status.code != 0) return Fail(Refusal(program, ended));
  return {};
}

}  // namespace hoy::net
