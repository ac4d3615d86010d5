#include "core/base/fail_point.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace hoy {

void FailPoint(std::string_view name) {
  static const char* const wanted = getenv("HOY_FAIL_POINT");
  if (wanted == nullptr || strncmp(wanted, name.data(), name.size()) != 0) return;
  const char* rest = wanted + name.size();
  if (*rest == '\0') kill(getpid(), SIGKILL);
  if (*rest == '@') close(open(rest + 1, O_RDONLY | O_CLOEXEC));
}

}  // namespace hoy
