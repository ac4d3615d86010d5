#pragma once
// What containers hold of the images that are to go; for the store's own sources.

#include <set>
#include <vector>

#include "oci/image/image_store.h"
#include "oci/image/layer_directory.h"

namespace hoy::oci {

// Nobody, where there is no list.
Result<std::vector<ImageUser>> AskForUsers(const ListImageUsers& list_users);

// Asks again, and puts back what is in use by now; returns the chain ids of that. The images lock
// is held.
Result<std::set<Digest>> KeepLayersInUse(const core::Layout& layout,
                                         const ListImageUsers& list_users,
                                         std::vector<LockedDirectory>& aside);

// The same for what the dead moved aside; the rest of it is to be deleted.
Result<std::vector<LockedDirectory>> TakeDeadLayers(const core::Layout& layout,
                                                    const ListImageUsers& list_users);

}  // namespace hoy::oci
