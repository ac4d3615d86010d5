#include "core/monitor/wiring.h"

#include <unistd.h>

namespace hoy::core {

void Wiring::Start(const PlanView& plan, const PacketFds& came, char* name) {
  plan_ = &plan;
  name_ = name;
  Take(plan.header().network_parts, came);
}

void Wiring::Take(uint32_t parts, const PacketFds& came) {
  if ((parts & kReplacesPorts) != 0) {
    if (ports_ > 0) close(ports_);
    ports_ = 0;
    forwarder_.Stop();
  }
  size_t next = 0;
  auto has = [&](uint32_t part, size_t count) {
    return plan_ != nullptr && (parts & part) != 0 && came.count - next >= count;
  };
  if (has(kResolverSockets, 2) && plan_->header().hosts_path != 0) {
    resolver_.Start(came.fds[next], came.fds[next + 1], plan_->text(plan_->header().hosts_path),
                    plan_->text(plan_->header().servers_path));
    next += 2;
  }
  if (has(kHeldPorts, 1) && ports_ == 0) ports_ = came.fds[next++];
  if (has(kForwarderSockets, 2)) {
    forwarder_.Start(*plan_, name_, came.fds[next], came.fds[next + 1]);
    next += 2;
  }
  while (next < came.count) close(came.fds[next++]);
}

}  // namespace hoy::core
