#include "core/engine/rewiring.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/engine/network_driver.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

std::string MarkerPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/rewiring";
}

}  // namespace

Result<Rewiring> Rewiring::Begin(const Layout& layout, std::string_view id) {
  std::string path = MarkerPath(layout, id);
  TRY(Fd marker, OpenAt(kCwd, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  TRY(LockFile(marker, LockMode::kExclusive, path));
  return Rewiring(std::move(marker), std::move(path));
}

Rewiring::~Rewiring() {
  if (marker_) unlink(path_.c_str());
}

bool IsRewiringAbandoned(const Layout& layout, std::string_view id) {
  Fd marker(open(MarkerPath(layout, id).c_str(), O_RDONLY | O_CLOEXEC));
  return marker && TryLockFile(marker, LockMode::kShared).value_or(false);
}

Result<> UndoAbandonedRewiring(const Layout& layout, std::string_view id) {
  std::string path = MarkerPath(layout, id);
  if (TheNetworkDriver() == nullptr || !Exists(path)) return {};
  TRY(ContainerRecord record, ReadContainer(layout, id));
  TRY(TheNetworkDriver()->RestorePorts(layout, record));
  return Unlink(path);
}

}  // namespace hoy::core
