#include "core/engine/start_failure.h"

#include <string.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "core/base/text.h"
#include "core/engine/executable_file.h"
#include "core/init/plan.h"
#include "core/monitor/journal.h"
#include "core/rootfs/executable.h"
#include "core/rootfs/mount_source.h"
#include "core/sys/clock.h"

namespace hoy::core {
namespace {

// What is said about a file: "exec '<file>': <message>".
struct Finding {
  std::string message;
  std::string hint;
};

constexpr int kMaxInterpreters = 5;  // the kernel follows as many (fs/exec.c, BINPRM loop)

std::string JoinNames(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

std::string DirectoryOf(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string BaseOf(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

bool MayExecute(const struct stat& status, const ResolvedUser* user) {
  if (user == nullptr || user->uid == 0) return (status.st_mode & 0111) != 0;
  if (status.st_uid == user->uid) return (status.st_mode & 0100) != 0;
  bool member = status.st_gid == user->gid ||
                std::ranges::find(user->groups, status.st_gid) != user->groups.end();
  return (status.st_mode & (member ? 0010 : 0001)) != 0;
}

std::string UserText(const ResolvedUser* user) {
  if (user == nullptr) return "root";
  return user->name.empty() ? std::to_string(user->uid) : user->name;
}

class ExecFailure {
 public:
  ExecFailure(LayeredRoot& root, const ResolvedUser* user) : root_(root), user_(user) {}

  std::optional<Finding> Explain(const std::string& path, int system_errno, int depth = 0) {
    if (depth > kMaxInterpreters) return std::nullopt;
    auto file = root_.Find(path);
    if (!file.has_value()) return ExplainUnreachable(path, file.error().system_errno);
    if (auto denied = ExplainDenied(*file)) {
      if (system_errno == EACCES) return denied;
    }
    if (!S_ISREG(file->status.st_mode)) return std::nullopt;
    auto head = root_.ReadHead(*file, kExecutableHead);
    if (!head.has_value()) return std::nullopt;
    if (auto script = ParseScriptLine(*head)) {
      return ExplainScript(*script, system_errno, depth);
    }
    if (auto elf = ParseElf(*head)) return ExplainElf(*elf, system_errno, depth);
    if (system_errno == ENOEXEC) return ExplainFormat(*head, path);
    return std::nullopt;
  }

 private:
  std::optional<Finding> ExplainUnreachable(const std::string& path, int find_errno) {
    if (find_errno == ELOOP) return Finding{"its symlinks go round in a circle", ""};
    auto link = root_.Find(path, LayeredRoot::LastLink::kKeep);
    if (find_errno == ENOENT && link.has_value() && S_ISLNK(link->status.st_mode)) {
      return Finding{"it is a symlink to something that is not in the image", ""};
    }
    Finding finding{std::string(ErrnoText(find_errno)), ""};
    auto near = NearbyExecutables(root_, DirectoryOf(path), BaseOf(path));
    std::erase(near, BaseOf(path));
    if (!near.empty()) {
      finding.hint = fmt::format("'{}' has {}", DirectoryOf(path), JoinNames(near));
    }
    return finding;
  }

  std::optional<Finding> ExplainDenied(const LayeredRoot::File& file) {
    mode_t mode = file.status.st_mode;
    if (S_ISDIR(mode)) return Finding{"is a directory", ""};
    if (!S_ISREG(mode)) return Finding{"is not a regular file", ""};
    if ((mode & 0111) == 0) {
      return Finding{"is not executable",
                     fmt::format("make it so in the image: chmod +x {}", file.path)};
    }
    if (root_.ForbidsExec(file)) {
      return Finding{"lies on a mount that forbids execution (noexec)", ""};
    }
    if (!MayExecute(file.status, user_)) {
      return Finding{
          fmt::format("user {} may not execute it (mode {:04o}, owner {}:{})", UserText(user_),
                      mode & 07777, file.status.st_uid, file.status.st_gid),
          ""};
    }
    for (std::string parent = DirectoryOf(file.path); parent != "/"; parent = DirectoryOf(parent)) {
      auto directory = root_.Find(parent);
      if (directory.has_value() && !MayExecute(directory->status, user_)) {
        return Finding{fmt::format("user {} may not enter '{}' (mode {:04o})", UserText(user_),
                                   parent, directory->status.st_mode & 07777),
                       ""};
      }
    }
    return std::nullopt;
  }

  std::optional<Finding> ExplainScript(const std::string& interpreter, int system_errno,
                                       int depth) {
    if (interpreter.empty() || interpreter == "\r") {
      return Finding{"its '#!' line names no interpreter", ""};
    }
    if (interpreter.ends_with('\r') && system_errno == ENOENT) {
      std::string clean(Trim(interpreter));
      return Finding{
          fmt::format("its '#!' line ends in a carriage return, so that it asks for '{}\\r'",
                      clean),
          "the script has Windows line ends (CRLF): convert it with dos2unix, or check it out with "
          "LF"};
    }
    if (!root_.Find(interpreter).has_value()) {
      Finding finding{fmt::format("its interpreter '{}' is not in the image", interpreter), ""};
      auto near = NearbyExecutables(root_, kDefaultPath, BaseOf(interpreter));
      if (!near.empty()) finding.hint = "the image has " + JoinNames(near);
      return finding;
    }
    return Inner("its interpreter", interpreter, system_errno, depth);
  }

  std::optional<Finding> ExplainElf(const ElfInfo& elf, int system_errno, int depth) {
    if (system_errno == ENOEXEC || system_errno == ELIBBAD) {
      if (elf.machine != 0 && elf.machine != HostElfMachine()) {
        return Finding{fmt::format("is a program for {}; this machine is {}", ArchitectureName(elf),
                                   HostArchitectureName()),
                       fmt::format("pull the image with --platform linux/{}, or register an "
                                   "emulator (qemu-user-static, binfmt_misc)",
                                   HostArchitectureName())};
      }
      if (!elf.complete) return Finding{"is a damaged or cut-off ELF file", ""};
    }
    if (elf.loader.empty()) return std::nullopt;
    if (!root_.Find(elf.loader).has_value()) {
      std::string hint = "use an image that has it, or link the program statically";
      if (elf.loader.contains("ld-linux")) {
        hint = "it was built for glibc: use an image such as Debian's, or link it statically";
      } else if (elf.loader.contains("ld-musl")) {
        hint = "it was built for musl: use an image such as Alpine's, or link it statically";
      }
      return Finding{fmt::format("its loader '{}' is not in the image", elf.loader), hint};
    }
    return Inner("its loader", elf.loader, system_errno, depth);
  }

  std::optional<Finding> ExplainFormat(std::string_view head, const std::string& path) {
    if (head.empty()) return Finding{"is an empty file", ""};
    if (!LooksLikeText(head)) return Finding{"is not a program (no ELF header, no '#!')", ""};
    if (head.starts_with("\xef\xbb\xbf#!")) {
      return Finding{"a byte order mark hides its '#!' line", "save the script without a BOM"};
    }
    return Finding{"is a text file without a '#!' line",
                   fmt::format("begin it with #!/bin/sh, or run it as: /bin/sh {}", path)};
  }

  std::optional<Finding> Inner(std::string_view what, const std::string& path, int system_errno,
                               int depth) {
    auto inner = Explain(path, system_errno, depth + 1);
    if (inner) inner->message = fmt::format("{} '{}': {}", what, path, inner->message);
    return inner;
  }

  LayeredRoot& root_;
  const ResolvedUser* user_;
};

constexpr std::string_view kOpenMountSource = "open mount source";
constexpr std::string_view kKilledBeforeItRan = "run";

// Steps other than the exec where one cause is likely. Stages as core/init names them.
struct KnownCause {
  std::string_view step;
  int system_errno;
  std::string_view hint;
};
constexpr KnownCause kKnownCauses[] = {
    {kOpenMountSource, ENOENT, "the source was removed after the container was created"},
    {kOpenMountSource, E2BIG, "a container has room for about 500 volumes and binds"},
    {"bind mount", ENOTDIR,
     "a directory cannot be mounted over a file, nor a file over a directory"},
    {"bring up loopback", EPERM,
     "hoy needs CAP_NET_ADMIN for a network namespace; --network host does without"},
    {"set user", EPERM, "hoy needs CAP_SETUID and CAP_SETGID to change the user; see -u"},
    {"drop capabilities", EPERM, "hoy needs CAP_SETPCAP to take capabilities away"},
    {"mount overlay", ENODEV, "this kernel has no overlay file system: modprobe overlay"},
    {"mount overlay", EINVAL,
     "the file system of hoy's data directory cannot hold an overlay's upper directory; choose "
     "another with --root"},
    {"open mount of the joined container", EMEDIUMTYPE, "it has mounted something else there"},
    {"mount", EINVAL, "the file system refused its options"},
    {"create device", EPERM, "hoy needs CAP_MKNOD to create devices"},
    {"set resource limit", EPERM,
     "hoy lacks CAP_SYS_RESOURCE; ask for no more than ulimit -H shows"},
    {"change to working directory", ENOTDIR, "-w names something that is not a directory"},
    {"change to working directory", EACCES, "the container's user may not enter it; see -w and -u"},
    {"change to working directory", EXDEV, "it leads out of the container's file system"},
    {"create directory", ENOTDIR, "a part of the path is a file in the image"},
    {"enter PID namespace", EPERM,
     "the seccomp profile has to allow clone, or --security-opt no-new-privileges to be given"},
    {"enter PID namespace", EAGAIN,
     "too many processes: see the container's limit (hoy update --pids-limit) and ulimit -u"},
    {"setsid", EPERM,
     "the seccomp profile has to allow setsid, or --security-opt no-new-privileges to be given"},
    {"set hostname", EPERM, "a host name cannot be set with --uts host"},
    {"clone", EPERM, "hoy must run as root"},
    {"clone", ENOSPC, "too many namespaces: see /proc/sys/user/max_*_namespaces"},
    {"clone", EAGAIN, "too many processes: see ulimit -u and the cgroup's pids.max"},
};

std::string HintFor(const StartFailure& failure) {
  for (const KnownCause& cause : kKnownCauses) {
    if (cause.step == failure.step && cause.system_errno == failure.system_errno) {
      return std::string(cause.hint);
    }
  }
  if (failure.step == "write" && failure.subject.starts_with("/proc/sys/")) {
    if (failure.system_errno == ENOENT) return "this kernel has no such sysctl; see --sysctl";
    if (failure.system_errno == EINVAL) return "the kernel refused the value given to --sysctl";
  }
  if (failure.system_errno == ELOOP)
    return "a symlink in the image leads into /proc or in a circle";
  if (failure.step == "write" && failure.subject.ends_with("/oom_score_adj")) {
    return "a value below hoy's own needs CAP_SYS_RESOURCE; see --oom-score-adj";
  }
  return {};
}

// The kernel says only EINVAL when the one is a directory and the other is none. What the root has
// there is the mount's source.
std::optional<std::string> ExplainBind(LayeredRoot& root, const StartFailure& failure) {
  if (failure.step != "bind mount" || failure.system_errno != EINVAL) return std::nullopt;
  auto source = root.Find(failure.subject);
  if (!source) return std::nullopt;
  bool directory = S_ISDIR(source->status.st_mode);
  return fmt::format("bind mount '{}': it is a {} in the container, and the source is a {}",
                     failure.subject, directory ? "file" : "directory",
                     directory ? "directory" : "file");
}

Finding ExplainLookup(LayeredRoot* root, const ProcessConfig& process,
                      const StartFailure& failure) {
  const std::string& name = failure.subject;
  std::string_view path = PathOf(process.env);
  Finding finding{"not found in PATH", ""};
  if (failure.system_errno == EACCES) {
    finding.message = "found in PATH, but not executable";
    return finding;
  }
  if (failure.system_errno != ENOENT) {
    finding.message = ErrnoText(failure.system_errno);
    return finding;
  }
  if (name.starts_with('-')) {
    finding.hint =
        "options of hoy go before the image or the container; what follows is the command";
    return finding;
  }
  if (root != nullptr) {
    auto near = NearbyExecutables(*root, path, name);
    if (!near.empty()) {
      finding.hint = fmt::format("did you mean {}?", JoinNames(near));
      return finding;
    }
  }
  if (name.empty()) {
    finding.message = "an empty name is no program";
  } else if (name.contains(' ')) {
    finding.hint =
        "the name contains a space: give the program and its arguments as separate words";
  } else {
    finding.hint = fmt::format("PATH is {}", path);
  }
  return finding;
}

std::string HookFailure(const StartFailure& failure) {
  std::string how = failure.system_errno > kHookEnded
                        ? fmt::format(" ended with {}", failure.system_errno - kHookEnded)
                    : failure.system_errno == ETIME
                        ? " took too long"
                        : fmt::format(": {}", strerrordesc_np(failure.system_errno));
  return fmt::format("startContainer hook '{}'{}", failure.subject, how);
}

}  // namespace

Error ExplainStartFailure(LayeredRoot* root, const ProcessConfig& process, const ResolvedUser* user,
                          const StartFailure& failure) {
  Error error = SystemError(failure.step, failure.subject, failure.system_errno);
  error.kind = ErrorKind::kStart;
  if (failure.step == "lookup") {
    Finding finding = ExplainLookup(root, process, failure);
    error.message = fmt::format("exec '{}': {}", failure.subject, finding.message);
    error.hint = std::move(finding.hint);
    return error;
  }
  if (failure.step == "run hook") {
    error.message = HookFailure(failure);
    error.hint = "the CDI file of a device (--device, --gpus) wants it";
    return error;
  }
  if (failure.step != "exec") {
    error.hint = HintFor(failure);
    auto bind = root != nullptr ? ExplainBind(*root, failure) : std::nullopt;
    if (bind) error.message = *std::move(bind);
    return error;
  }
  if (failure.system_errno == E2BIG) {
    error.hint = "the arguments and the environment together are too large; see --env-host";
  } else if (failure.system_errno == ETXTBSY) {
    error.hint = "something has the file open for writing";
  }
  if (root == nullptr) return error;
  auto finding = ExecFailure(*root, user).Explain(failure.subject, failure.system_errno);
  if (finding) {
    error.message = fmt::format("exec '{}': {}", failure.subject, finding->message);
    if (!finding->hint.empty()) error.hint = std::move(finding->hint);
  }
  return error;
}

std::optional<Error> ExplainSubpath(const std::vector<Mount>& mounts, const StartFailure& failure) {
  if (failure.step != kOpenMountSource) return std::nullopt;
  for (const Mount& mount : mounts) {
    std::string subpath = SubpathOf(mount);
    if (subpath.empty() || !failure.subject.ends_with("/" + subpath)) continue;
    std::string_view kind = mount.image ? "image" : "volume";
    const std::string& name = mount.image ? mount.image->reference : mount.volume->name;
    Error error = MakeError(ErrorKind::kStart,
                            fmt::format("mount '{}': subpath '{}' of {} '{}': {}", mount.target,
                                        subpath, kind, name, ErrnoText(failure.system_errno)));
    error.system_errno = failure.system_errno;
    error.stage = failure.step;
    error.subject = failure.subject;
    error.hint =
        fmt::format("it is looked for in the {}, and so is what a symlink there leads to", kind);
    return error;
  }
  return std::nullopt;
}

Error SetupFailure(const LogConfig& log, const StartMessage& message) {
  constexpr std::string_view kStages[] = {"read plan", "publish state", "open streams",
                                          "open log",  "clone",         "join cgroup"};
  auto stage = std::min<size_t>(message.index, std::size(kStages) - 1);
  if (static_cast<SetupStage>(message.index) == SetupStage::kHeldUp) {
    return MakeError(ErrorKind::kStart, "its process did not get to its program for half a minute")
        .WithHint("who is in the PID namespace that it joins can stop it there");
  }
  bool journald = log.driver == LogDriver::kJournald;
  if (journald && static_cast<SetupStage>(message.index) == SetupStage::kLog) {
    return SystemError("log driver journald: connect", kJournalSocket,
                       static_cast<int>(message.value))
        .WithHint("systemd-journald has to run; or use --log-driver file");
  }
  return SystemError(kStages[stage], "", static_cast<int>(message.value));
}

Error KilledBeforeItRan(const ResourceLimits& limits, const StartMessage& message) {
  Error error = MakeError(ErrorKind::kStart, "its process was killed before its program could run");
  error.stage = kKilledBeforeItRan;
  if (message.index != 0 && limits.memory_bytes.value_or(0) > 0) {
    error.hint =
        fmt::format("the {} bytes of --memory were not enough to start it", *limits.memory_bytes);
  }
  return error;
}

bool WasKilledBeforeItRan(const Error& error) {
  return error.kind == ErrorKind::kStart && error.stage == kKilledBeforeItRan;
}

int StartExitCode(const Error& error) {
  constexpr int kFailed = 125;
  constexpr int kCannotRun = 126;
  constexpr int kNotFound = 127;
  if (error.kind != ErrorKind::kStart || (error.stage != "exec" && error.stage != "lookup")) {
    return kFailed;
  }
  return error.system_errno == ENOENT ? kNotFound : kCannotRun;
}

ExitRecord FailedStart(const Error& error) {
  ExitRecord failure;
  failure.exit_code = StartExitCode(error);
  failure.error = error.message;
  failure.finished_at = Now();
  return failure;
}

}  // namespace hoy::core
