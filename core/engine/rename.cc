#include "core/engine/rename.h"

#include "core/engine/lifecycle.h"
#include "core/engine/state_rules.h"
#include "core/state/container_record.h"
#include "core/state/name_generator.h"

namespace hoy::core {

Result<std::string> RenameTo(const Layout& layout, std::string_view id, const std::string& name) {
  TRY(CheckContainerName(name));
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(Permit(Verb::kRename, status.state, layout, id));
  TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
  TRY(ContainerRecord record, ReadContainer(layout, id));
  std::string old_name = record.name;
  if (old_name == name) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is the container's name already", name);
  }
  TRY(RenameContainer(layout, std::move(record), name));
  return old_name;
}

}  // namespace hoy::core
