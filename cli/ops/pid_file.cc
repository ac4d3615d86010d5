#include "cli/ops/pid_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine/lifecycle.h"
#include "core/sys/files.h"

namespace hoy::cli {

Result<> CheckPidFile(const std::string& path) {
  if (path.empty()) return {};
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return FailErrno("--pidfile", path, EISDIR);
  }
  size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (access(directory.c_str(), W_OK | X_OK) != 0) return FailErrno("--pidfile", path);
  return {};
}

Result<> CheckPidFile(const core::Layout& layout, const core::ContainerRecord& record) {
  auto checked = CheckPidFile(record.config.pid_file);
  if (checked) return {};
  auto status = core::Heal(layout, record.id);
  return status && status->IsUp() ? Result<>{} : checked;
}

Result<> WritePidFile(const core::ContainerRecord& record, pid_t pid) {
  const std::string& path = record.config.pid_file;
  if (path.empty()) return {};
  auto written =
      core::WriteFileAtomically(path, fmt::format("{}\n", pid), core::Durability::kVolatile, 0644);
  if (written) return {};
  // It may speak of a file beside it.
  int code = written.error().system_errno;
  if (code != 0) return FailErrno("--pidfile", path, code);
  return Fail(std::move(written).error().InContext("--pidfile"));
}

}  // namespace hoy::cli
