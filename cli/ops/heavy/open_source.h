#pragma once
// Archives and directories opened as sources of images.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ops/pull_options.h"
#include "cli/ops/transport.h"
#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/registry/cancel.h"
#include "oci/registry/progress.h"
#include "oci/transfer/image_source.h"

namespace hoy::cli {

// A file or a directory of any format. `layout` is prepared.
Result<std::unique_ptr<oci::ImageSource>> OpenSource(const core::Layout& layout,
                                                     const std::string& path,
                                                     const oci::CancelToken& cancel);
// A file of any format, from where it stands.
Result<std::unique_ptr<oci::ImageSource>> OpenSource(const core::Layout& layout, Fd file,
                                                     const std::string& subject,
                                                     const oci::CancelToken& cancel);

struct ChosenSource {
  std::unique_ptr<oci::ImageSource> source;
  std::vector<oci::OfferedImage> images;  // those that the reference means; all without one
};
Result<ChosenSource> OpenTransport(const core::Layout& layout, const TransportReference& reference,
                                   const oci::CancelToken& cancel);

// Pulls from there; `sink` hears of images of which something is missing here. Returns what each
// image is called here: its first name, or its id.
Result<std::vector<std::string>> PullFromTransport(const core::Layout& layout,
                                                   const TransportReference& reference,
                                                   const PullOptions& options,
                                                   oci::ProgressSink& sink);

}  // namespace hoy::cli
