#include "cli/ops/pid_file.h"

#include <fmt/core.h>

#include "core/engine/lifecycle.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr std::string_view kFlag = "--pidfile";

}  // namespace

Result<> CheckPidFile(const std::string& path) {
  return path.empty() ? Result<>{} : core::CheckNamedFile(kFlag, path);
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
  return core::WriteNamedFile(kFlag, path, fmt::format("{}\n", pid));
}

}  // namespace hoy::cli
