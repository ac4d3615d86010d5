#pragma once
// The image configuration of an image that hoy makes: that of the image below, if any, with one
// step more. What hoy does not know of it is kept.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/image/image_config.h"

namespace hoy::oci {

struct ImageStep {
  Platform platform;  // of an image from nothing
  core::Timestamp created = 0;
  std::string author;  // empty: as it was
  std::string created_by;
  std::string comment;
  Digest diff_id;         // of the layer that it adds
  ImageRunConfig config;  // all of it, not only what changes
};

// `base` is a configuration's bytes, or empty. kCorrupt: it is none.
Result<std::string> AddStep(std::string_view base, const ImageStep& step);

}  // namespace hoy::oci
