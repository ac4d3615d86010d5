#pragma once
// The verbs of `hoy manifest`, as data. The work is in hoy-image; in the light program, where it
// cannot be reached, each is kUnsupported.

#include <optional>
#include <string>
#include <vector>

#include "cli/ops/registry_verbs.h"
#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

struct ManifestEdit {
  std::string architecture;
  std::string os;
  std::string os_version;
  std::string variant;
  std::vector<std::string> features;
  std::vector<std::string> os_features;
  std::vector<std::string> annotations;  // KEY=VALUE

  bool operator==(const ManifestEdit&) const = default;
  bool empty() const {
    return architecture.empty() && os.empty() && os_version.empty() && variant.empty() &&
           features.empty() && os_features.empty() && annotations.empty();
  }
};

struct ManifestCreateOptions {
  std::string list;
  std::vector<std::string> images;
  bool all = false;    // every image of those that are lists themselves
  bool amend = false;  // the list may be there
  std::vector<std::string> annotations;
  RegistryAccess access;
};
// Prints the list's digest, as the next three do.
Result<> RunManifestCreate(Context& context, const ManifestCreateOptions& options);

struct ManifestAddOptions {
  std::string list;
  std::vector<std::string> images;
  bool all = false;
  ManifestEdit edit;
  RegistryAccess access;
};
Result<> RunManifestAdd(Context& context, const ManifestAddOptions& options);

struct ManifestAnnotateOptions {
  std::string list;
  std::string entry;   // a digest, or a name of an image that was added
  bool index = false;  // the list itself
  ManifestEdit edit;
};
Result<> RunManifestAnnotate(Context& context, const ManifestAnnotateOptions& options);

struct ManifestRemoveOptions {
  std::string list;
  std::vector<std::string> entries;
};
Result<> RunManifestRemove(Context& context, const ManifestRemoveOptions& options);

struct ManifestInspectOptions {
  std::string name;
  RegistryAccess access;
};
// Prints the document, indented.
Result<> RunManifestInspect(Context& context, const ManifestInspectOptions& options);

struct ManifestPushOptions {
  PushOptions push;    // its image is the list
  bool all = true;     // false: the list without its images
  bool purge = false;  // the list is removed afterwards
};
// Prints the digest of the list as it was sent.
Result<> RunManifestPush(Context& context, const ManifestPushOptions& options);

}  // namespace hoy::cli
