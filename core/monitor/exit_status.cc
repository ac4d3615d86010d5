#include "core/monitor/exit_status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/monitor/text_line.h"
#include "core/sys/pidfd_info.h"

namespace hoy::core {
namespace {

// Where field `number` of a stat file begins, for the fields behind the command name.
const char* Field(const char* name_end, int number) {
  const char* field = name_end;
  for (int index = 2; field != nullptr && index < number; ++index) field = strchr(field + 1, ' ');
  return field != nullptr ? field + 1 : "";
}

uint64_t ParseNumber(const char* digits) {
  uint64_t number = 0;
  for (; *digits >= '0' && *digits <= '9'; ++digits) {
    number = number * 10 + static_cast<uint64_t>(*digits - '0');
  }
  return number;
}

// Whether stat tells us all: the same question decides on this link (proc(5),
// PTRACE_MODE_READ_FSCREDS), which a zombie still has.
bool MayLookInto(pid_t pid) {
  TextLine path;
  path << "/proc/" << static_cast<int64_t>(pid) << std::string_view("/ns/user\0", 9);
  char target[64];
  return readlink(path.view().data(), target, sizeof target) > 0;
}

// To whom it is not to be told, the kernel says 0 (fs/proc/array.c).
bool ReadZombieExit(pid_t pid, uint64_t start_time, int* wait_status) {
  bool is_told = MayLookInto(pid);  // first: the start time then says that it was about this one
  TextLine path;
  path << "/proc/" << static_cast<int64_t>(pid) << std::string_view("/stat\0", 6);
  int fd = open(path.view().data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[1024];
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return false;
  text[count] = '\0';
  const char* name_end = strrchr(text, ')');  // the name may hold spaces and parentheses
  if (name_end == nullptr || *Field(name_end, 3) != 'Z') return false;
  if (ParseNumber(Field(name_end, 22)) != start_time) return false;
  *wait_status = static_cast<int>(ParseNumber(Field(name_end, 52)));
  return *wait_status != 0 || is_told;
}

}  // namespace

bool ReadForeignExit(int pidfd, pid_t pid, uint64_t start_time, int* wait_status) {
  // It may be reaped between the two looks, and is then a moment late with its information.
  constexpr int kTries = 100;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    PidfdInfo info{};
    info.mask = kPidfdInfoExit;
    int error = ioctl(pidfd, kPidfdGetInfo, &info) == 0 ? 0 : errno;
    if (error == 0 && (info.mask & kPidfdInfoExit) != 0) {
      *wait_status = info.exit_code;
      return true;
    }
    if (ReadZombieExit(pid, start_time, wait_status)) return true;
    if (error == ENOTTY || error == EINVAL) return false;
    poll(nullptr, 0, 1);
  }
  return false;
}

}  // namespace hoy::core
