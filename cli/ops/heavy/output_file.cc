#include "cli/ops/heavy/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr int kPipeBytes = 1 << 20;

std::string DirectoryOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Where the name leads to: a rename there must not take the place of a symlink, least of all of
// /dev/stderr.
std::string BehindLinks(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : path;
}

}  // namespace

bool IsStdout(const std::string& path) {
  if (path.empty() || path == "-") return true;
  struct stat named{};
  struct stat ours{};
  return stat(path.c_str(), &named) == 0 && fstat(STDOUT_FILENO, &ours) == 0 &&
         named.st_dev == ours.st_dev && named.st_ino == ours.st_ino && !S_ISDIR(named.st_mode);
}

Result<OutputFile> OutputFile::Open(Context& context, const std::string& path) {
  OutputFile output;
  if (IsStdout(path)) {
    if (context.terminal.stdout_is_terminal) {
      return Fail(MakeError(ErrorKind::kInvalidArgument, "an archive is not written to a terminal")
                      .WithHint("use --output FILE, or redirect stdout"));
    }
    output.subject_ = "stdout";
    output.fd_ = Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!output.fd_) return FailErrno("open", "stdout");
    (void)fcntl(output.fd_.get(), F_SETPIPE_SZ, kPipeBytes);  // best effort, for pipes
    return output;
  }
  output.subject_ = path;
  struct stat status{};
  bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return FailErrno("open", path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    TRY(output.fd_, core::OpenAt(core::kCwd, path, O_WRONLY));
    return output;
  }
  output.path_ = exists ? BehindLinks(path) : path;
  // Nobody sees it, and a killed hoy leaves nothing, until it gets its name.
  auto nameless = core::OpenAt(core::kCwd, DirectoryOf(output.path_), O_TMPFILE | O_WRONLY, 0644);
  if (nameless) {
    output.fd_ = *std::move(nameless);
    return output;
  }
  int code = nameless.error().system_errno;
  if (code != EOPNOTSUPP && code != EISDIR && code != ENOSYS) {
    return Fail(std::move(nameless).error());
  }
  output.temp_ = fmt::format("{}.hoy-{}", output.path_, getpid());
  TRY(output.fd_, core::OpenAt(core::kCwd, output.temp_, O_WRONLY | O_CREAT | O_EXCL, 0644));
  return output;
}

OutputFile::~OutputFile() {
  if (fd_ && !temp_.empty()) unlink(temp_.c_str());
}

Result<> OutputFile::Commit() {
  if (!path_.empty()) {
    if (temp_.empty()) {
      std::string temp = fmt::format("{}.hoy-{}", path_, getpid());
      std::string from = fmt::format("/proc/self/fd/{}", fd_.get());
      if (linkat(AT_FDCWD, from.c_str(), AT_FDCWD, temp.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        return FailErrno("create", path_);
      }
      temp_ = std::move(temp);
    }
    if (rename(temp_.c_str(), path_.c_str()) != 0) return FailErrno("rename", path_);
    temp_.clear();
  }
  return {};
}

}  // namespace hoy::cli
