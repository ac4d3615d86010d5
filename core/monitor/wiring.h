#pragma once
// What the monitor has of the container's network while it runs (core/init/plan.h, NetworkParts):
// the resolver, and what holds ports of the host and forwards them. It comes with the plan, or
// later, when somebody connects the container to a network.

#include <cstdint>

#include "core/init/plan_view.h"
#include "core/monitor/forwarder.h"
#include "core/monitor/resolver.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {

class Wiring {
 public:
  // All of it zero: what is not used costs no memory.
  constexpr Wiring() = default;

  // `came`: with the plan, which outlives this. `name` is argv[0].
  void Start(const PlanView& plan, const PacketFds& came, char* name);
  // Of these parts; what is not wanted is closed.
  void Take(uint32_t parts, const PacketFds& came);

  Resolver& resolver() { return resolver_; }
  Forwarder& forwarder() { return forwarder_; }

 private:
  const PlanView* plan_ = nullptr;
  char* name_ = nullptr;
  int ports_ = 0;  // none; a number of MonitorFd or below is nobody's
  Resolver resolver_;
  Forwarder forwarder_;
};

}  // namespace hoy::core
