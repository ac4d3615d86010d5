#include "cli/ops/s3_volumes.h"

#include <sys/socket.h>

#include "cli/ops/spawn_image.h"
#include "core/sys/fd_packet.h"

namespace hoy::cli {
namespace {

class Spawned final : public core::RemoteVolumes {
 public:
  Result<> Fetch(const core::Layout& layout, std::span<const std::string> volumes,
                 core::FetchEffort effort) override {
    bool once = effort == core::FetchEffort::kOneTry;
    return SpawnVolumeSync(layout, volumes, once ? SyncWay::kFetchOnce : SyncWay::kFetch);
  }
  Result<std::vector<Fd>> Mount(const core::Layout& layout, const std::string& volume,
                                size_t count) override {
    return SpawnVolumeMount(layout, volume, count);
  }
};

}  // namespace

Result<> SpawnVolumeSync(const core::Layout& layout, std::span<const std::string> volumes,
                         SyncWay way) {
  std::vector<std::string> words = {"volume", "sync"};
  if (way != SyncWay::kWriteBack) words.emplace_back("--fetch");
  if (way == SyncWay::kFetchOnce) words.emplace_back("--once");
  words.emplace_back("--");
  words.insert(words.end(), volumes.begin(), volumes.end());
  TRY(SpawnImageProgram({"--root=" + layout.data, "--run-root=" + layout.run}, words,
                        fmt::format("sync volume '{}'", volumes.front())));
  return {};
}

Result<std::vector<Fd>> SpawnVolumeMount(const core::Layout& layout, const std::string& volume,
                                         size_t count) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return FailErrno("socketpair", "");
  }
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  TRY(SpawnImageProgram({"--root=" + layout.data, "--run-root=" + layout.run},
                        {"__mount-volume", "--", volume, std::to_string(count)},
                        fmt::format("mount volume '{}'", volume), theirs));
  theirs.reset();
  std::vector<Fd> mounts;
  while (mounts.size() < count) {
    // All that it has sent is there; what it has started may have the socket still.
    char byte = 0;
    core::PacketFds received;
    if (core::ReceivePacket(ours.get(), &byte, sizeof byte, &received, MSG_DONTWAIT) < 0 &&
        errno != EAGAIN) {
      return FailErrno("receive", "mounts");
    }
    if (received.count == 0) break;
    for (size_t i = 0; i < received.count; ++i) mounts.emplace_back(received.fds[i]);
  }
  return mounts;
}

core::RemoteVolumes& SpawnedRemoteVolumes() {
  static Spawned spawned;
  return spawned;
}

}  // namespace hoy::cli
