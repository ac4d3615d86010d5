#pragma once
// `--change` of import and commit: a Dockerfile's instructions on an image's configuration.

#include <span>
#include <string>

#include "core/base/result.h"
#include "oci/image/image_config.h"

namespace hoy::cli {

// CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR, in any case;
// "CMD=x" means "CMD x". kInvalidArgument: another one, or nonsense after it.
Result<> ApplyChanges(oci::ImageRunConfig& config, std::span<const std::string> changes);

}  // namespace hoy::cli
