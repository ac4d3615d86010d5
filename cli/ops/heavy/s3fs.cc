#include "cli/ops/heavy/s3fs.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/s3_request.h"
#include "cli/ops/heavy/s3fs_process.h"
#include "cli/ui/printable.h"
#include "core/base/text.h"
#include "core/state/s3_volume.h"
#include "core/state/volume.h"
#include "core/sys/files.h"
#include "core/sys/process.h"
#include "oci/s3/client.h"

namespace hoy::cli {
namespace {

constexpr size_t kLongestLog = size_t{1} << 20;
constexpr int kPatience = 100;  // milliseconds between two looks at a CancelToken

Result<std::string> FindS3fs() {
  const char* path = std::getenv("PATH");
  std::string_view directories = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::string_view directory : Split(directories, ':')) {
    std::string candidate = fmt::format("{}/s3fs", directory);
    if (directory.starts_with('/') && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Fail(MakeError(ErrorKind::kNotFound, "mode=fuse needs the program s3fs")
                  .WithHint("install the package s3fs (Fedora: s3fs-fuse), or use mode=sync"));
}

Result<> CheckFuse() {
  Fd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device) return {};
  Error error = SystemError("mode=fuse: open", "/dev/fuse", errno);
  error.kind = ErrorKind::kUnsupported;
  return Fail(std::move(error).WithHint("modprobe fuse; or use mode=sync"));
}

// What is wrong with the bucket s3fs would say less well. Newer ones want the prefix to be there as
// a directory; where that cannot be made, it may still do for reading.
Result<> CheckBucket(const oci::S3SyncRequest& request, const oci::CancelToken& cancel) {
  oci::S3Client client(request.access, request.place.Url(), request.http, request.observer, cancel);
  TRY(bool any, client.HasAny(request.place.prefix));
  if (any || request.place.prefix.empty()) return {};
  oci::LocalEntry directory;
  directory.kind = oci::S3Kind::kDirectory;
  directory.mode = S_IFDIR | 0755;
  directory.mtime_ns = core::Now();
  (void)client.Put(request.place.prefix, "", oci::MetadataHeaders(directory));
  return {};
}

std::vector<std::string> EnvironmentOf(const oci::S3Access& access) {
  std::vector<std::string> all;
  auto add = [&](const std::string& name, const char* value) {
    if (value != nullptr && *value != '\0') all.push_back(fmt::format("{}={}", name, value));
  };
  add("AWS_ACCESS_KEY_ID", access.key_id.c_str());
  add("AWS_SECRET_ACCESS_KEY", access.secret.c_str());
  add("AWS_SESSION_TOKEN", access.token.c_str());
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "http_proxy", "NO_PROXY", "no_proxy"}) {
    add(name, std::getenv(name));
  }
  add("CURL_CA_BUNDLE", std::getenv("SSL_CERT_FILE"));
  return all;
}

Result<Invocation> MakeInvocation(const oci::S3SyncRequest& request) {
  Invocation invocation;
  TRY(invocation.path, FindS3fs());
  const core::S3Options& place = request.place;
  std::string prefix = place.prefix.substr(0, place.prefix.empty() ? 0 : place.prefix.size() - 1);
  invocation.arguments = {"s3fs", "-f", place.bucket + (prefix.empty() ? "" : ":/" + prefix),
                          request.files};
  TRY(std::vector<std::string> options, S3fsOptions(request));
  options.push_back("tmpdir=" + request.state + "/temp");
  for (std::string& option : options) {
    invocation.arguments.emplace_back("-o");
    invocation.arguments.push_back(std::move(option));
  }
  invocation.environment = EnvironmentOf(request.access);
  return invocation;
}

// The log, and where in it the next line goes.
struct Log {
  Fd file;
  off_t begin = 0;
};

Result<Log> OpenLog(const std::string& path) {
  Log log;
  TRY(log.file, core::OpenAt(core::kCwd, path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  struct stat status{};
  if (fstat(log.file.get(), &status) != 0) return FailErrno("stat", path);
  log.begin = status.st_size;
  if (static_cast<size_t>(status.st_size) > kLongestLog) {
    if (ftruncate(log.file.get(), 0) != 0) return FailErrno("truncate", path);
    log.begin = 0;
  }
  return log;
}

// Why it ended, in its own words: the last line without its time and place.
Error WhyNot(const Log& log, const std::string& path) {
  std::array<char, 16 << 10> buffer;
  ssize_t count = pread(log.file.get(), buffer.data(), buffer.size(), log.begin);
  std::string_view said(buffer.data(), count > 0 ? static_cast<size_t>(count) : 0);
  said = Trim(said);
  said = said.substr(said.rfind('\n') == std::string_view::npos ? 0 : said.rfind('\n') + 1);
  if (size_t place = said.find("): "); said.starts_with("20") && place != std::string_view::npos) {
    said.remove_prefix(place + 3);
  }
  return MakeError(ErrorKind::kSystem,
                   said.empty() ? "s3fs ended" : "s3fs ended: " + Printable(said))
      .WithHint("what it said is in " + path);
}

// Without asking who serves it (statx(2), AT_STATX_DONT_SYNC).
Result<bool> IsMounted(const std::string& path, dev_t before) {
  struct statx status{};
  if (statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &status) != 0) {
    return FailErrno("look at", path);
  }
  return makedev(status.stx_dev_major, status.stx_dev_minor) != before;
}

// In a process that can be left to it: of a server that says nothing no answer comes, and nobody
// who waits for one takes a signal. False: it has found something wrong.
Result<bool> Answers(const std::string& path, const oci::CancelToken& cancel) {
  pid_t pid = fork();
  if (pid < 0) return FailErrno("fork", "s3fs");
  if (pid == 0) {
    close_range(0, ~0U, 0);  // whose end others wait for
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct stat status{};
    _exit(stat(path.c_str(), &status) == 0 ? 0 : 1);
  }
  core::ChildProcess asks(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  if (asks.pidfd().get() < 0) return FailErrno("pidfd_open", "s3fs");
  while (true) {
    pollfd slot{asks.pidfd().get(), POLLIN, 0};
    int ready = poll(&slot, 1, kPatience);
    if (ready < 0 && errno != EINTR) return FailErrno("poll", "s3fs");
    if (ready > 0) break;
    TRY(cancel.Check());
  }
  TRY(core::ExitStatus status, asks.Wait());
  return status.code == 0;
}

// A change of the mounts of this namespace wakes us, and so does the end of s3fs.
Result<bool> AwaitMount(const std::string& path, dev_t before, BorrowedFd mounts, BorrowedFd end,
                        const oci::CancelToken& cancel) {
  while (true) {
    TRY(cancel.Check());
    TRY(bool mounted, IsMounted(path, before));
    if (mounted) return Answers(path, cancel);
    std::array<pollfd, 2> slots = {{{mounts.get(), POLLPRI, 0}, {end.get(), POLLIN, 0}}};
    if (poll(slots.data(), slots.size(), kPatience) < 0 && errno != EINTR) {
      return FailErrno("poll", "mounts");
    }
    if (slots[1].revents != 0) return false;
  }
}

Result<std::vector<Fd>> TakeMounts(const std::string& path, size_t count) {
  std::vector<Fd> mounts;
  while (mounts.size() < count) {
    Fd tree(static_cast<int>(
        syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!tree) return FailErrno("open mount", path);
    mounts.push_back(std::move(tree));
  }
  if (umount2(path.c_str(), MNT_DETACH) != 0) return FailErrno("unmount", path);
  return mounts;
}

Result<std::vector<Fd>> Mount(const oci::S3SyncRequest& request, size_t count,
                              const oci::CancelToken& cancel) {
  TRY(Invocation invocation, MakeInvocation(request));
  TRY(CheckFuse());
  TRY(CheckBucket(request, cancel));
  TRY(core::MakeDirectories(request.state + "/temp", 0700));
  std::string log_path = request.state + "/s3fs.log";
  TRY(Log log, OpenLog(log_path));
  if (unshare(CLONE_NEWNS) != 0) return FailErrno("unshare", "mount namespace");
  // It lives as long as the container: what the host unmounts meanwhile must not stay busy here.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return FailErrno("set mount propagation", "/");
  }
  struct stat before{};
  if (stat(request.files.c_str(), &before) != 0) return FailErrno("stat", request.files);
  TRY(Fd mounts, core::OpenAt(core::kCwd, "/proc/self/mounts", O_RDONLY));
  TRY(S3fsProcess s3fs, S3fsProcess::Spawn(std::move(invocation), log.file, cancel));
  TRY(bool mounted, AwaitMount(request.files, before.st_dev, mounts, s3fs.end(), cancel));
  TRY(cancel.Check());
  if (!mounted) return Fail(WhyNot(log, log_path));
  TRY(std::vector<Fd> taken, TakeMounts(request.files, count));
  TRY(s3fs.Release());
  return taken;
}

}  // namespace

Result<std::vector<std::string>> S3fsOptions(const oci::S3SyncRequest& request) {
  const oci::S3Access& access = request.access;
  bool aws = access.endpoint.empty();
  auto seconds = [](auto duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  };
  std::vector<std::string> options = {
      "url=" + (aws ? fmt::format("https://s3.{}.amazonaws.com", access.region) : access.endpoint),
      "endpoint=" + access.region,
      fmt::format("connect_timeout={}", seconds(request.http.connect_timeout)),
      fmt::format("readwrite_timeout={}", seconds(request.http.stall_timeout)),
      "allow_other",  // the container's users, and whom their modes let in
      "dbglevel=warn"};
  // As BaseUrl has it, oci/s3/access.cc.
  if (!aws || request.place.bucket.find('.') != std::string::npos) {
    options.emplace_back("use_path_request_style");
  }
  if (access.key_id.empty()) options.emplace_back("public_bucket=1");
  for (const std::string& option : options) {
    if (option.find(',') == std::string::npos) continue;
    return Fail(ErrorKind::kInvalidArgument, "mode=fuse: there is a comma in '{}'", option);
  }
  return options;
}

Result<std::vector<Fd>> MountWithS3fs(Context& context, const std::string& volume, size_t count) {
  RecalledVariables recalled;
  if (HasEnvironment()) {
    TRY(RememberVariables(context.layout, volume));
  } else {
    TRY(recalled.Recall(context.layout, volume));
  }
  TRY(oci::S3SyncRequest request, MakeS3Request(context, volume));
  oci::CancelToken cancel;
  CancelOnSignal on_signal(cancel);
  return Mount(request, count, cancel);
}

}  // namespace hoy::cli
