#include "net/attach/held_ports.h"

#include "core/base/fail_point.h"
#include "core/engine/attach.h"
#include "net/attach/publish.h"

namespace hoy::net {

Result<> FreePorts(const core::Layout& layout, std::string_view id) {
  TRY(core::GiveNetwork(layout, id, {}, core::kReplacesPorts));
  FailPoint("attach-ports-free");
  return {};
}

void MoveHeldPorts(const core::Layout& layout, const core::ContainerRecord& record,
                   const NetworkStatus& status) {
  auto free = FreePorts(layout, record.id);
  if (!free || status.ports.empty()) return;
  core::MonitorNetwork held = HoldAgain(status.ports, record.config.network.ports);
  (void)core::GiveNetwork(layout, record.id, held, core::kReplacesPorts);
}

Result<> PublishAgain(const core::Layout& layout, const core::ContainerRecord& record,
                      const NetworkStatus& status) {
  TRY(ReplaceRules(layout, record.id, {}, status.ports));
  MoveHeldPorts(layout, record, status);
  return {};
}

}  // namespace hoy::net
