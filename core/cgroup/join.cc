#include "core/cgroup/join.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hoy::core {

namespace {

int WriteToEach(const char* const* files, size_t count, const char* text, size_t length,
                size_t* failed) {
  for (size_t i = 0; i < count; ++i) {
    int fd = open(files[i], O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, length);
    int code = written < 0 ? errno : 0;
    if (fd >= 0) close(fd);
    if (code != 0) {
      *failed = i;
      return code;
    }
  }
  return 0;
}

}  // namespace

int JoinCgroupsAsSelf(const char* const* files, size_t count, size_t* failed) {
  return WriteToEach(files, count, "0", 1, failed);
}

int JoinCgroups(const char* const* procs_files, size_t count, pid_t pid, size_t* failed) {
  char digits[16];
  size_t at = sizeof digits;
  for (unsigned rest = static_cast<unsigned>(pid);;) {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
    if (rest == 0) break;
  }
  return WriteToEach(procs_files, count, digits + at, sizeof digits - at, failed);
}

uint64_t ReadOomKills(const char* path) {
  constexpr const char kKey[] = "oom_kill ";
  if (path == nullptr || *path == '\0') return 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[512];
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = '\0';
  for (const char* line = text; line != nullptr; line = std::strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (std::strncmp(line, kKey, sizeof kKey - 1) != 0) continue;
    uint64_t count = 0;
    for (const char* digit = line + sizeof kKey - 1; *digit >= '0' && *digit <= '9'; ++digit) {
      count = count * 10 + static_cast<uint64_t>(*digit - '0');
    }
    return count;
  }
  return 0;
}

}  // namespace hoy::core
