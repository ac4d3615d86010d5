#pragma once
// A whole list (oci/image/image_record.h) to a registry: first its entries, each by its digest,
// then the index under the tag. What is on this machine is pushed as PushImage does it; the rest is
// carried over from where it can be had, without being unpacked, and only where the target lacks
// it.

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_store.h"
#include "oci/registry/pusher.h"
#include "oci/registry/remote_image.h"

namespace hoy::oci {

struct ListPushRequest {
  PushRequest push;  // all but the image; `format` is also the index's
  StoredList list;
  bool entries = true;  // false: only the index
};

// The errors of PushImage and PullImage. The summary's digest is that of the index as it was sent,
// which is another one than the list's when an entry had to be packed or converted.
Result<PullSummary> PushList(const core::Layout& layout, const ListPushRequest& request,
                             ProgressSink& sink, CancelToken& cancel);

}  // namespace hoy::oci
