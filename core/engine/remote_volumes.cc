#include "core/engine/remote_volumes.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "core/engine/program_path.h"
#include "core/monitor/shield.h"
#include "core/state/s3_volume.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

RemoteVolumes* the_remote = nullptr;

// As a grandchild in a session of its own, which is nobody's zombie and hears no keyboard.
void SpawnAlone(const std::string& program, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child < 0) return;
  if (child == 0) {
    setsid();
    if (chdir("/") != 0) _exit(1);  // nobody's directory is to be busy for it
    if (fork() != 0) _exit(0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, stream);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    DropOomShield();  // who cleans up was a monitor
    HearSignals();
    char* envp[] = {nullptr};  // what matters of who started the container is in RUN
    execve(program.c_str(), argv.data(), envp);
    _exit(1);
  }
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

void UseRemoteVolumes(RemoteVolumes& remote) {
  the_remote = &remote;
}

RemoteVolumes* TheRemoteVolumes() {
  return the_remote;
}

std::vector<std::string> RemoteVolumesOf(const ContainerConfig& config) {
  std::vector<std::string> names;
  for (const Mount& mount : config.mounts) {
    if (!mount.volume || !mount.volume->remote) continue;
    if (std::ranges::find(names, mount.volume->name) == names.end()) {
      names.push_back(mount.volume->name);
    }
  }
  return names;
}

std::vector<std::string> PendingVolumesOf(const Layout& layout, const ContainerConfig& config) {
  std::vector<std::string> names = RemoteVolumesOf(config);
  std::erase_if(names, [&](const auto& name) { return !Exists(S3PendingPath(layout, name)); });
  return names;
}

void WriteBackLater(const Layout& layout, std::span<const std::string> volumes) {
  if (volumes.empty()) return;
  std::vector<std::string> words = {
      "hoy", "--root=" + layout.data, "--run-root=" + layout.run, "volume", "sync", "--"};
  words.insert(words.end(), volumes.begin(), volumes.end());
  if (auto program = LibexecProgram("hoy-image")) SpawnAlone(*program, std::move(words));
}

}  // namespace hoy::core
