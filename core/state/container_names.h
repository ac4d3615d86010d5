#pragma once
// DATA/names/<name>, a symlink to the id: symlink(2) fails with EEXIST, so the name is its own
// lock. What creation, renaming and removal leave of names when they are killed is drawn in
// container_record.h.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"

namespace hoy::core {

// Who a name belongs to, or "" where it leads to no container.
Result<std::string> OwnerOfName(const Layout& layout, std::string_view name);

// Takes it, also from the dead. It may be `id`'s already. kAlreadyExists: it is in use, by whom is
// in the message.
Result<> ReserveName(const Layout& layout, const std::string& name, const std::string& id);

// A name that leads to no container, which nobody is making either, or to one that has another name
// in its record.
struct FaultyName {
  std::string name;
  std::string id;
  bool of_nobody = false;
};
Result<std::vector<FaultyName>> FindFaultyNames(const Layout& layout);
// Those of them that lead to no container. As far as possible.
void FreeAbandonedNames(const Layout& layout);
// False: it is not faulty any more, or somebody works on its container.
Result<bool> DropFaultyName(const Layout& layout, const FaultyName& faulty);

}  // namespace hoy::core
