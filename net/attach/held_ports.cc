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

void MoveHeldPorts(const core::Layout& layout, std::string_view id, const NetworkStatus& status) {
  auto free = FreePorts(layout, id);
  if (!free || status.ports.empty()) return;
  core::MonitorNetwork held = HoldAgain(status.ports);
  (void)core::GiveNetwork(layout, id, held, core::kReplacesPorts);
}

Result<> PublishAgain(const core::Layout& layout, std::string_view id,
                      const NetworkStatus& status) {
  TRY(ReplaceRules(layout, id, {}, status.ports));
  MoveHeldPorts(layout, id, status);
  return {};
}

}  // namespace hoy::net
