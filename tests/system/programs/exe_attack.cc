// Runs inside a container: waits for a process that executes neither the image's busybox nor this
// program, so one of hoy's, and tries to get write access to its executable, as the exploits of
// CVE-2019-5736 do. Static, prints what it came to, and changes nothing.

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

bool IsSame(const struct stat& one, const char* path) {
  struct stat other{};
  return stat(path, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

// Asks for the right to write, by way of a truncation that changes nothing: unlike open(2) it meets
// a read-only mount before it meets ETXTBSY, which lasts while any process executes the file.
int TryToWrite(int executable, off_t size) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", executable);
  bool refused = truncate(path, size) != 0;
  printf("%s: %s\n", refused ? "refused" : "WRITABLE", strerror(refused ? errno : 0));
  return refused ? 0 : 1;
}

}  // namespace

int main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  puts("watching");
  while (true) {
    DIR* processes = opendir("/proc");
    if (processes == nullptr) return 3;
    while (const dirent* entry = readdir(processes)) {
      if (isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
      char path[64];
      snprintf(path, sizeof path, "/proc/%.20s/exe", entry->d_name);
      int executable = open(path, O_PATH | O_CLOEXEC);
      if (executable < 0) continue;
      struct stat status{};
      if (fstat(executable, &status) == 0 && !IsSame(status, "/bin/busybox") &&
          !IsSame(status, "/proc/self/exe")) {
        return TryToWrite(executable, status.st_size);
      }
      close(executable);
    }
    closedir(processes);
  }
}
