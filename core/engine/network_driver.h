#pragma once
// How a container comes by its network, for a core that knows of none: namespaces.net says that the
// process joins a namespace (kJoined), or there is something to attach (config.network). net/attach
// implements this; each program that starts or cleans up containers names it once.
//
//   OpenNamespace   while the monitor starts; what clone(2) would make otherwise. One that is new
//                   has its loopback down: the process itself brings it up.
//   Attach          under the container's lock, when the run directory is there and before the
//                   process is released: links, addresses, ports, and RUN's hosts and resolv.conf
//   HoldAgain       when another monitor takes over
//   Detach          whenever the run's traces are removed, before the run directory goes

#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::core {

class NetworkDriver {
 public:
  virtual ~NetworkDriver() = default;

  // What the container's process joins. Nothing is mounted: the namespace lives as long as this
  // descriptor and the processes in it.
  virtual Result<Fd> OpenNamespace(const Layout& layout, const ContainerRecord& record) = 0;

  // On failure nothing is left that Detach would not remove. The descriptor, if it is one, is the
  // monitor's to keep open while the container runs: it holds ports of the host.
  virtual Result<Fd> Attach(const Layout& layout, const ContainerRecord& record,
                            BorrowedFd network_namespace) = 0;
  // The same for the next monitor, as far as it can be had again.
  virtual Fd HoldAgain(const Layout& layout, std::string_view id) = 0;

  // Idempotent, whatever Attach had done when it was killed. What cannot be released is an error,
  // and the run directory stays for the next command to try again.
  virtual Result<> Detach(const Layout& layout, std::string_view id) = 0;
};

// Once, before anything is started or healed. The driver lives as long as the program.
void UseNetworkDriver(NetworkDriver& driver);
// nullptr: this program has none. A start that needs one fails then; there is nothing to detach.
NetworkDriver* TheNetworkDriver();

// Whether the driver has anything to do for it.
bool HasNetwork(const ContainerConfig& config);

}  // namespace hoy::core
