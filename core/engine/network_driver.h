#pragma once
// How a container comes by its network, for a core that knows of none: namespaces.net says that the
// process joins a namespace (kJoined), or there is something to attach (config.network). net/attach
// implements this; each program that starts or cleans up containers names it once.
//
//   OpenNamespace   while the monitor starts; what clone(2) would make otherwise. One that is new
//                   has its loopback down: the process itself brings it up.
//   Attach          under the container's lock, when the run directory is there and before the
//                   process is released: links, addresses, ports, and RUN's hosts and resolv.conf
//   AttachAgain     when another monitor takes over
//   RestorePorts    when somebody died changing them (core/engine/rewiring.h)
//   Detach          whenever the run's traces are removed, before the run directory goes

#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/init/plan_builder.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "core/sys/process.h"

namespace hoy::core {

// What the monitor has of a network while the container runs; each may be empty.
struct MonitorNetwork {
  Fd ports;      // kept open and never touched: it holds ports of the host
  Fd datagrams;  // where the container's programs ask for names (core/monitor/resolver.h): both of
  Fd listener;   // them, or none
  Fd bundle;     // of core/monitor/forwarder.h: both, or none
  Fd watch;

  // In the order in which core/init/plan.h has them, and which they are (NetworkParts).
  std::vector<int> Descriptors() const;
  uint32_t Parts() const;
  // Tells the monitor what it is to do with them.
  void Describe(PlanBuilder& plan, const Layout& layout, std::string_view id) const;
};

class NetworkDriver {
 public:
  virtual ~NetworkDriver() = default;

  // What the container's process joins. Nothing is mounted: the namespace lives as long as this
  // descriptor and the processes in it.
  virtual Result<Fd> OpenNamespace(const Layout& layout, const ContainerRecord& record) = 0;

  // On failure nothing is left that Detach would not remove.
  virtual Result<MonitorNetwork> Attach(const Layout& layout, const ContainerRecord& record,
                                        BorrowedFd network_namespace) = 0;
  // What Attach gave, for the next monitor, as far as it can be had again.
  virtual MonitorNetwork AttachAgain(const Layout& layout, const ContainerRecord& record,
                                     const ProcessIdentity& init) = 0;

  // Of one that runs, whose monitor lets go of others: what Attach or the last change published,
  // where a later change was cut off. Under the container's lock.
  virtual Result<> RestorePorts(const Layout& layout, const ContainerRecord& record) = 0;

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
