#pragma once
// Images in registries as verbs name them, and lists on this machine.

#include <string>
#include <string_view>

#include "cli/ops/registry_verbs.h"
#include "core/base/result.h"
#include "oci/image/image_store.h"
#include "oci/registry/remote_image.h"

namespace hoy::cli {

// `name` as typed, without a transport. Aliases, mirrors and credentials as for a pull.
Result<oci::RemoteImage> RemoteImageOf(const std::string& name, const RegistryAccess& access);

// Where entries of lists and blobs are found that are not here. --creds, --tls-verify and
// --cert-dir are for the registry `domain` only.
oci::FindRemote RemoteFinder(RegistryAccess access, std::string domain);

// kNotFound: neither a list's name nor its digest; kInvalidArgument: an image's.
Result<oci::StoredList> FindStoredList(const oci::ImageStore& store, std::string_view name);

}  // namespace hoy::cli
