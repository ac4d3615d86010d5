#include "oci/image/images_in_use.h"

#include <algorithm>

namespace hoy::oci {

Result<std::vector<ImageUser>> AskForUsers(const ListImageUsers& list_users) {
  if (!list_users) return std::vector<ImageUser>{};
  return list_users();
}

Result<std::set<Digest>> KeepLayersInUse(const core::Layout& layout,
                                         const ListImageUsers& list_users,
                                         std::vector<LockedDirectory>& aside) {
  std::set<Digest> needed;
  if (aside.empty()) return needed;
  auto users = AskForUsers(list_users);
  for (const LockedDirectory& layer : aside) {
    // Nobody knows: then all of it stays.
    bool used = !users || std::ranges::any_of(*users, [&](const ImageUser& user) {
      return std::ranges::find(user.chain_ids, layer.chain_id) != user.chain_ids.end();
    });
    if (used) needed.insert(layer.chain_id);
  }
  TRY(PutBackLayers(layout, needed, aside));
  if (!users) return Fail(std::move(users).error());
  return needed;
}

Result<std::vector<LockedDirectory>> TakeDeadLayers(const core::Layout& layout,
                                                    const ListImageUsers& list_users) {
  std::vector<LockedDirectory> dead = FindDeadLayers(layout);
  TRY(KeepLayersInUse(layout, list_users, dead));
  return dead;
}

}  // namespace hoy::oci
