#include "core/cgroup/kill_leaf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace hoy::core {
namespace {

constexpr int kRounds = 100;         // of killing, until nobody new is found
constexpr int kFreezePatience = 50;  // milliseconds

void Nap(long milliseconds) {
  timespec pause{0, milliseconds * 1'000'000};
  nanosleep(&pause, nullptr);
}

// 0 or errno.
int WriteFile(int directory, const char* name, const char* text) {
  int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int code = write(fd, text, strlen(text)) < 0 ? errno : 0;
  close(fd);
  return code;
}

// Frozen processes cannot fork away, and their numbers go to nobody else.
struct Freezer {
  int directory;
  const char* file;  // nullptr: none here, and all goes on without
  const char* freeze;
  const char* thaw;
  const char* state_file;
  const char* frozen;  // what the state file has in it then
};

Freezer FindFreezer(int directory) {
  if (faccessat(directory, "cgroup.freeze", F_OK, 0) == 0) {
    return {directory, "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1"};
  }
  if (faccessat(directory, "freezer.state", F_OK, 0) == 0) {
    return {directory, "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN"};
  }
  return {directory, nullptr, "", "", "", ""};
}

bool IsFrozen(const Freezer& freezer) {
  char text[256];
  int fd = openat(freezer.directory, freezer.state_file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length < 0) return true;
  text[length] = '\0';
  size_t wanted = strlen(freezer.frozen);
  for (const char* line = text; line != nullptr; line = strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (strncmp(line, freezer.frozen, wanted) == 0) return true;
  }
  return false;
}

void Freeze(const Freezer& freezer) {
  if (freezer.file == nullptr) return;
  for (int waited = 0; waited < kFreezePatience; ++waited) {
    // Written again each time: a process forked meanwhile is then caught, too.
    if (WriteFile(freezer.directory, freezer.file, freezer.freeze) != 0) return;
    if (IsFrozen(freezer)) return;
    Nap(1);
  }
}

// How many were found.
int KillListed(int directory) {
  int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  int count = 0;
  pid_t pid = 0;
  char buffer[4096];
  ssize_t length = 0;
  while ((length = read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < length; ++i) {
      if (buffer[i] != '\n') {
        pid = pid * 10 + (buffer[i] - '0');
        continue;
      }
      // 0 stands for a process outside of our PID namespace.
      if (pid > 0 && kill(pid, SIGKILL) == 0) ++count;
      pid = 0;
    }
  }
  close(fd);
  return count;
}

}  // namespace

void KillLeaf(const char* directory) {
  int leaf = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (leaf < 0) return;
  if (WriteFile(leaf, "cgroup.kill", "1") != 0) {  // v2, Linux 5.14
    Freezer freezer = FindFreezer(leaf);
    for (int round = 0; round < kRounds; ++round) {
      Freeze(freezer);
      int found = KillListed(leaf);
      if (freezer.file != nullptr) WriteFile(leaf, freezer.file, freezer.thaw);
      if (found == 0) break;
      Nap(1);
    }
  }
  close(leaf);
}

void ThawFreezer(const char* state_file) {
  if (state_file != nullptr) WriteFile(AT_FDCWD, state_file, "THAWED");
}

bool RemoveLeaf(const char* directory) {
  return rmdir(directory) == 0 || (errno != EBUSY && errno != ENOTEMPTY);
}

}  // namespace hoy::core
