#include "core/sys/mount_info.h"

#include <fmt/core.h>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {

std::string UnescapeMountPath(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::optional<MountInfo> FindMount(std::string_view mountinfo, uint64_t mount_id) {
  for (std::string_view line : Split(mountinfo, '\n')) {
    auto fields = Split(line.substr(0, line.find(" - ")), ' ');
    if (fields.size() < 6 || ParseInteger<uint64_t>(fields[0]) != mount_id) continue;
    MountInfo info{.mount_point = UnescapeMountPath(fields[4])};
    for (size_t i = 6; i < fields.size(); ++i) {
      info.shared |= fields[i].starts_with("shared:");
      info.slave |= fields[i].starts_with("master:");
    }
    return info;
  }
  return std::nullopt;
}

Result<std::optional<MountInfo>> MountOf(BorrowedFd file) {
  TRY(std::string about, ReadFile(fmt::format("/proc/self/fdinfo/{}", file.get())));
  constexpr std::string_view kKey = "mnt_id:";
  for (std::string_view line : Split(about, '\n')) {
    if (!line.starts_with(kKey)) continue;
    auto id = ParseInteger<uint64_t>(Trim(line.substr(kKey.size())));
    if (!id) break;
    TRY(std::string mountinfo, ReadFile("/proc/self/mountinfo", size_t{64} << 20));
    return FindMount(mountinfo, *id);
  }
  return std::optional<MountInfo>();
}

}  // namespace hoy::core
