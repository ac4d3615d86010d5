#include "core/monitor/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/monitor/text_line.h"

namespace hoy::core {
namespace {

// "<path><suffix>" in a fixed buffer.
struct PathText {
  char text[PATH_MAX];
  PathText(const char* path, const char* suffix) {
    size_t length = strnlen(path, sizeof text - 32);
    memcpy(text, path, length);
    strcpy(text + length, suffix);  // NOLINT: the suffixes are ours and short
  }
};

int WriteLine(int fd, const TextLine& line) {
  std::string_view bytes = line.view();
  while (!bytes.empty()) {
    ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

constexpr std::string_view kBeforeReady = R"({"version":1,"ready":)";

std::string_view Bool(bool value) {
  return value ? "true" : "false";
}

int SyncParent(const char* path) {
  PathText parent(path, "");
  char* slash = strrchr(parent.text, '/');
  if (slash == nullptr) return 0;
  *slash = '\0';
  int fd = open(parent.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  int result = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return result;
}

int ReplaceFile(const char* path, const TextLine& line, bool durable) {
  PathText temp(path, ".new");
  int fd = open(temp.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  int result = WriteLine(fd, line);
  if (result == 0 && durable && fsync(fd) != 0) result = errno;
  close(fd);
  if (result == 0 && rename(temp.text, path) != 0) result = errno;
  if (result != 0) {
    unlink(temp.text);
    return result;
  }
  return durable ? SyncParent(path) : 0;
}

}  // namespace

namespace {

// A number of /proc/<pid>/stat, by its place (proc_pid_stat(5)). False: there is none.
bool ReadStat(pid_t pid, int number, uint64_t* value) {
  TextLine path;
  path << "/proc/" << static_cast<int64_t>(pid) << std::string_view("/stat\0", 6);
  int fd = open(path.view().data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[1024];
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return false;
  text[count] = '\0';
  // The command name may hold spaces and parentheses: fields count from the last ')'.
  char* field = strrchr(text, ')');
  for (int index = 2; field != nullptr && index < number; ++index) field = strchr(field + 1, ' ');
  *value = 0;
  while (field != nullptr && *++field >= '0' && *field <= '9') {
    *value = *value * 10 + static_cast<uint64_t>(*field - '0');
  }
  return true;
}

}  // namespace

uint64_t StartTimeOf(pid_t pid) {
  constexpr int kStartTimeField = 22;
  uint64_t ticks = 0;
  return ReadStat(pid, kStartTimeField, &ticks) ? ticks : 0;
}

bool HasExecuted(pid_t pid) {
  constexpr int kFlagsField = 9;
  constexpr uint64_t kForkNoExec = 0x40;
  uint64_t flags = 0;
  return !ReadStat(pid, kFlagsField, &flags) || (flags & kForkNoExec) == 0;
}

int PublishRunning(const char* state_path, const RunningFacts& facts) {
  pid_t self = getpid();
  TextLine line;
  line << kBeforeReady << (facts.ready ? "1" : "0") << R"(,"pid":)"
       << static_cast<int64_t>(facts.pid) << R"(,"start_time":)"
       << static_cast<int64_t>(facts.start_time) << R"(,"boot_id":")" << facts.boot_id
       << R"(","monitor_pid":)" << static_cast<int64_t>(self) << R"(,"monitor_start_time":)"
       << static_cast<int64_t>(StartTimeOf(self)) << R"(,"started_at":)" << facts.started_at;
  if (facts.freezer != nullptr) line << R"(,"freezer":)" << facts.freezer;
  line << "}\n";
  PathText temp(state_path, ".new");
  int fd = open(temp.text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  int error = WriteLine(fd, line);
  if (error == 0 && rename(temp.text, state_path) != 0) error = errno;
  if (error == 0) return fd;
  close(fd);
  unlink(temp.text);
  errno = error;
  return -1;
}

void PublishReady(int state_fd) {
  // One byte: readers see the old one or the new.
  while (pwrite(state_fd, "1", 1, kBeforeReady.size()) < 0 && errno == EINTR) {
  }
}

int PublishExit(int state_fd, const char* exit_path, bool durable, const ExitFacts& facts) {
  TextLine line;
  line << R"({"version":1,"known":)" << Bool(facts.known) << R"(,"exit_code":)"
       << static_cast<int64_t>(facts.exit_code) << R"(,"signal":)"
       << static_cast<int64_t>(facts.signal) << R"(,"core_dumped":)" << Bool(facts.core_dumped)
       << R"(,"oom_killed":)" << Bool(facts.oom_killed) << R"(,"timed_out":)"
       << Bool(facts.timed_out) << R"(,"started_at":)" << facts.started_at << R"(,"finished_at":)"
       << facts.finished_at << R"(,"user_cpu_us":)" << facts.user_cpu_us << R"(,"system_cpu_us":)"
       << facts.system_cpu_us << R"(,"max_rss_kib":)" << facts.max_rss_kib << R"(,"log_lost":)"
       << facts.log_lost << R"(,"log_lost_unmarked":)" << facts.log_lost_unmarked << "}\n";
  int result = WriteLine(state_fd, line);
  if (exit_path != nullptr) {
    int replaced = ReplaceFile(exit_path, line, durable);
    if (result == 0) result = replaced;
  }
  return result;
}

}  // namespace hoy::core
