#include "core/monitor/exit_status.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "core/sys/pidfd_info.h"

namespace hoy::core {

bool ReadForeignExit(int pidfd, int* wait_status) {
  constexpr int kTries = 1000;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    PidfdInfo info{};
    info.mask = kPidfdInfoExit;
    if (ioctl(pidfd, kPidfdGetInfo, &info) == 0 && (info.mask & kPidfdInfoExit) != 0) {
      *wait_status = info.exit_code;
      return true;
    }
    if (errno == ENOTTY || errno == EINVAL) return false;
    poll(nullptr, 0, 1);  // a zombie: its parent has yet to reap it
  }
  return false;
}

}  // namespace hoy::core
