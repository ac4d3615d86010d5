#pragma once
// What `inspect` shows, with the field names that docker's users have in their scripts.

#include "cli/ui/template.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

Json InspectContainer(const core::Layout& layout, const core::ContainerRecord& record,
                      const core::ContainerStatus& status);

Json InspectImage(const oci::ListedImage& image, const oci::ImageConfig& config);

}  // namespace hoy::cli
