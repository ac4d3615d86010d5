#include "cli/ops/light/delegate.h"

#include <limits.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace hoy::cli {

Result<std::string> LibexecProgram(std::string_view name) {
  std::string directory;
  if (const char* given = getenv("HOY_LIBEXEC"); given != nullptr && *given != 0) {
    directory = given;
  } else {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    if (length < 0) return FailErrno("readlink", "/proc/self/exe");
    directory.assign(self, static_cast<size_t>(length));
    directory.resize(directory.rfind('/'));
    // hoy-monitor and hoy-image live in the directory looked for, hoy in ../../bin of it.
    if (!directory.ends_with("/libexec/hoy")) directory += "/../libexec/hoy";
  }
  std::string path = directory + "/" + std::string(name);
  if (access(path.c_str(), X_OK) == 0) return path;
  int access_errno = errno;
  Error error = SystemError("run", path, access_errno);
  return Fail(std::move(error).WithHint(
      "hoy is not completely installed: it needs libexec/hoy beside its bin directory "
      "(or HOY_LIBEXEC)"));
}

Error ExecImageProgram(std::span<char* const> argv) {
  auto path = LibexecProgram("hoy-image");
  if (!path) return std::move(path).error();
  std::vector<char*> arguments(argv.begin(), argv.end());
  arguments.push_back(nullptr);
  execve(path->c_str(), arguments.data(), environ);
  return SystemError("exec", *path);
}

}  // namespace hoy::cli
