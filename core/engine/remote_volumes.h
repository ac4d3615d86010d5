#pragma once
// Volumes whose files are elsewhere (core/state/s3_volume.h), for a core that knows no network and
// no names of hosts: hoy-image does. Each program that starts or cleans up containers names once
// who calls it.
//
// clang-format off
//   Fetch           before a start, under no lock: what is new there comes here. With kOneTry no
//                   silent server is waited for for long, nor whoever syncs the volume just now.
//   WriteBackLater  when a container's traces have been removed, by a process of its own that
//                   nobody waits for. What it cannot write back stays here, `pending`; the
//                   volume's status says why, and the next end or `volume sync` tries again.
//   Mount           of one that is mounted for each container (made_mounts.h), before a start,
//                   under no lock: so many mounts of it that are nowhere yet
// clang-format on

#include <span>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::core {

enum class FetchEffort { kAll, kOneTry };

class RemoteVolumes {
 public:
  virtual ~RemoteVolumes() = default;
  virtual Result<> Fetch(const Layout& layout, std::span<const std::string> volumes,
                         FetchEffort effort) = 0;
  virtual Result<std::vector<Fd>> Mount(const Layout& layout, const std::string& volume,
                                        size_t count) = 0;
};

// Once, before anything is started. It lives as long as the program.
void UseRemoteVolumes(RemoteVolumes& remote);
// nullptr: this program has none, and starts no container that has one.
RemoteVolumes* TheRemoteVolumes();

// The names of those of a container; each once.
std::vector<std::string> RemoteVolumesOf(const ContainerConfig& config);

// Of them those that are pending; to be asked before the container is removed.
std::vector<std::string> PendingVolumesOf(const Layout& layout, const ContainerConfig& config);

void WriteBackLater(const Layout& layout, std::span<const std::string> volumes);

}  // namespace hoy::core
