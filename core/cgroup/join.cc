#include "core/cgroup/join.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hoy::core {

namespace {

struct PidText {
  explicit PidText(pid_t pid) {
    char* at = digits + sizeof digits;
    for (unsigned rest = static_cast<unsigned>(pid);;) {
      *--at = static_cast<char>('0' + rest % 10);
      rest /= 10;
      if (rest == 0) break;
    }
    start = at;
    length = static_cast<size_t>(digits + sizeof digits - at);
  }
  char digits[16];
  const char* start;
  size_t length;
};

// Closes `fd`, which may be a failed open's.
int WriteTo(int fd, const char* text, size_t length) {
  if (fd < 0) return errno;
  int code = write(fd, text, length) < 0 ? errno : 0;
  close(fd);
  return code;
}

int WriteToEach(const char* const* files, size_t count, const char* text, size_t length,
                size_t* failed) {
  for (size_t i = 0; i < count; ++i) {
    int code = WriteTo(open(files[i], O_WRONLY | O_CLOEXEC), text, length);
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
  PidText text(pid);
  return WriteToEach(procs_files, count, text.start, text.length, failed);
}

int JoinCgroupAsSelf(int directory) {
  return WriteTo(openat(directory, "tasks", O_WRONLY | O_CLOEXEC), "0", 1);
}

int JoinCgroupAt(int directory, pid_t pid) {
  PidText text(pid);
  return WriteTo(openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC), text.start, text.length);
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
