#include "cli/ops/image_users.h"

#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"

namespace hoy::cli {
namespace {

void AddLayers(const std::vector<std::string>& chain_ids, oci::ImageUser& user) {
  for (const std::string& chain_id : chain_ids) {
    user.chain_ids.push_back(oci::Digest::FromHex(chain_id));
  }
}

}  // namespace

Result<std::vector<oci::ImageUser>> ImageUsers(const core::Layout& layout) {
  TRY(std::vector<std::string> ids, core::ListContainerIds(layout));
  std::vector<oci::ImageUser> users;
  for (const std::string& id : ids) {
    auto record = core::ReadContainer(layout, id);
    if (!record && record.error().kind == ErrorKind::kNotFound) continue;
    if (!record) return Fail(std::move(record).error());
    oci::ImageUser user{.container_id = id, .image = oci::Digest::FromHex(record->config.image.id)};
    AddLayers(record->config.image.chain_ids, user);
    auto status = core::Observe(layout, id);
    user.running = !status || status->IsUp();  // as long as nobody knows better
    for (const core::Mount& mount : record->config.mounts) {
      if (!mount.image) continue;
      users.push_back({.container_id = id,
                       .image = oci::Digest::FromHex(mount.image->id),
                       .running = user.running});
      AddLayers(mount.image->chain_ids, users.back());
    }
    users.push_back(std::move(user));
  }
  return users;
}

}  // namespace hoy::cli
