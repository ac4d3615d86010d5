#pragma once
// What push and `manifest push` have in common.

#include <string>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/open_target.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ops/transport.h"
#include "cli/ui/context.h"
#include "core/base/result.h"
#include "oci/registry/cancel.h"
#include "oci/registry/progress.h"
#include "oci/registry/pusher.h"

namespace hoy::cli {

// All but the image. kInvalidArgument: the target has a digest, or an option makes no sense;
// kPermission: registries.conf blocks it.
Result<oci::PushRequest> MakePushRequest(const PushOptions& options, oci::Reference target);

// A list with its images, or without.
Result<oci::PullSummary> PushListTo(const core::Layout& layout, oci::PushRequest request,
                                    oci::StoredList list, oci::ListEntries entries,
                                    oci::ProgressSink& sink, oci::CancelToken& cancel);

// To "oci:DIR[:REF]" and the like. kUnsupported: it was asked for what registries alone can do, or
// for what the format cannot hold. Returns the digest of the manifest as it was written.
Result<oci::Digest> PushToTransport(Context& context, const PushOptions& options,
                                    const TransportReference& to, ImageToExport image);

Result<> WriteDigestFile(const PushOptions& options, const std::string& digest);

}  // namespace hoy::cli
