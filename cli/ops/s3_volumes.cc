#include "cli/ops/s3_volumes.h"

#include "cli/ops/spawn_image.h"

namespace hoy::cli {
namespace {

class Spawned final : public core::RemoteVolumes {
 public:
  Result<> Fetch(const core::Layout& layout, std::span<const std::string> volumes) override {
    return SpawnVolumeSync(layout, volumes, SyncWay::kFetch);
  }
};

}  // namespace

Result<> SpawnVolumeSync(const core::Layout& layout, std::span<const std::string> volumes,
                         SyncWay way) {
  std::vector<std::string> words = {"volume", "sync"};
  if (way == SyncWay::kFetch) words.emplace_back("--fetch");
  words.emplace_back("--");
  words.insert(words.end(), volumes.begin(), volumes.end());
  TRY(SpawnImageProgram({"--root=" + layout.data, "--run-root=" + layout.run}, words,
                        fmt::format("sync volume '{}'", volumes.front())));
  return {};
}

core::RemoteVolumes& SpawnedRemoteVolumes() {
  static Spawned spawned;
  return spawned;
}

}  // namespace hoy::cli
