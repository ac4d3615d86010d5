#pragma once
// The rows of `hoy images`: which images pass the filters, and their fields as docker names them.

#include <string>
#include <vector>

#include "cli/ui/filter.h"
#include "cli/ui/template.h"
#include "core/base/result.h"
#include "core/sys/clock.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

struct ImageListRequest {
  Filters filters;        // dangling label before since reference until
  std::string reference;  // the verb's argument: a name, name:tag or pattern; empty: all
  bool no_trunc = false;
  bool all = false;  // also the images of lists for other platforms
  core::Timestamp now = 0;
};

// One row per name; one for an image without names. `images` is every image there is, since filters
// look others up (before, since). kInvalidArgument: a filter's value; kNotFound: its image.
Result<std::vector<Json>> ImageRows(const std::vector<oci::ListedImage>& images,
                                    const ImageListRequest& request);

}  // namespace hoy::cli
