#include "core/rootfs/device_mount.h"

#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <string>

#include "core/base/text.h"

namespace hoy::core {
namespace {

// What the file system has to say about a failure: lines "e ext4: text"
// (Documentation/filesystems/mount_api.rst).
std::string ReadComplaint(BorrowedFd context) {
  std::string all;
  std::array<char, 1024> buffer;
  for (ssize_t count = 0; (count = read(context.get(), buffer.data(), buffer.size())) > 0;) {
    std::string_view line = Trim(std::string_view(buffer.data(), static_cast<size_t>(count)));
    if (line.starts_with("e ")) line.remove_prefix(2);
    all.append(all.empty() ? "" : "; ").append(line);
  }
  return all;
}

Error MountFailure(const Mount& mount, BorrowedFd context, int number) {
  std::string complaint = ReadComplaint(context);
  Error error = SystemError(fmt::format("mount {} from", mount.filesystem), mount.source, number);
  if (!complaint.empty()) error.message += fmt::format(" ({})", complaint);
  switch (number) {
    case ENOENT:
    case ENXIO: error.hint = "there is no such device"; break;
    case ENOTBLK: error.hint = "it is no block device; losetup makes one of a file"; break;
    case EBUSY: error.hint = "it is mounted elsewhere in another way (ro and rw?)"; break;
    case EINVAL:
      error.hint =
          fmt::format("it holds no {}, or an option in o= is none of its", mount.filesystem);
      break;
    default: break;
  }
  return error;
}

Result<> Configure(const Mount& mount, BorrowedFd context) {
  auto set = [&](unsigned command, const std::string& key, const char* value) -> Result<> {
    if (fsconfig(context.get(), command, key.empty() ? nullptr : key.c_str(), value, 0) == 0) {
      return {};
    }
    return Fail(MountFailure(mount, context, errno));
  };
  if (!mount.source.empty()) TRY(set(FSCONFIG_SET_STRING, "source", mount.source.c_str()));
  for (std::string_view word : Split(mount.data, ',')) {
    if (word.empty()) continue;
    auto [key, value] = CutAt(word, '=');
    if (value) {
      TRY_CONTEXT(set(FSCONFIG_SET_STRING, std::string(key), std::string(*value).c_str()),
                  "option '{}'", key);
    } else {
      TRY_CONTEXT(set(FSCONFIG_SET_FLAG, std::string(key), nullptr), "option '{}'", key);
    }
  }
  return set(FSCONFIG_CMD_CREATE, "", nullptr);
}

}  // namespace

Result<Fd> MountDevice(const Mount& mount) {
  Fd context(fsopen(mount.filesystem.c_str(), FSOPEN_CLOEXEC));
  if (!context && (errno == ENODEV || errno == ENOSYS)) {
    return Fail(MakeError(ErrorKind::kUnsupported,
                          fmt::format("this kernel mounts no '{}'", mount.filesystem))
                    .WithHint(fmt::format("is there a module? modprobe {}", mount.filesystem)));
  }
  if (!context) return FailErrno("open file system", mount.filesystem);
  TRY(Configure(mount, context));
  Fd made(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!made) return Fail(MountFailure(mount, context, errno));
  return made;
}

}  // namespace hoy::core
