#include "core/engine/program_path.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>

namespace hoy::core {

const std::string& OwnProgram() {
  static const std::string path = [] {
    char target[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", target, sizeof target);
    return length > 0 ? std::string(target, static_cast<size_t>(length)) : std::string();
  }();
  return path;
}

std::string LibexecDirectory() {
  if (const char* directory = getenv("HOY_LIBEXEC"); directory != nullptr && *directory != '\0') {
    return directory;
  }
  std::string directory = OwnProgram();
  directory.resize(std::min(directory.rfind('/'), directory.size()));
  if (directory.ends_with("/libexec/hoy")) return directory;
  directory.resize(std::min(directory.rfind('/'), directory.size()));
  return directory + "/libexec/hoy";
}

Result<std::string> LibexecProgram(std::string_view name) {
  std::string path = LibexecDirectory() + "/" + std::string(name);
  if (access(path.c_str(), X_OK) == 0) return path;
  Error error = SystemError("run", path);
  error.kind = ErrorKind::kSystem;  // it is no container that was not found
  return Fail(std::move(error).WithHint(
      "hoy is not completely installed: libexec/hoy belongs beside its bin directory; HOY_LIBEXEC "
      "names another place"));
}

}  // namespace hoy::core
