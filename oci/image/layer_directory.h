#pragma once
// The dot directories of DATA/layers: layers in the making and layers being deleted. Each is
// flocked by the process that works on it, so that what the dead left behind is recognised. Light:
// the image store deletes layers without knowing how they are made.

#include <set>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"

namespace hoy::oci {

// A directory and the flock that says its owner lives.
struct LockedDirectory {
  std::string path;
  Fd lock;
  Digest chain_id = {};  // of a layer that was moved aside
};

// Makes DATA/layers/.staging-<pid>-<n>, locked.
Result<LockedDirectory> MakeStagingDirectory(const core::Layout& layout);

// Renames a layer to DATA/layers/.removed-<chain id>-<pid>-<n>, locked: from here on nobody finds
// it. Deleting the tree is the caller's, without any other lock held. kNotFound: there is no such
// layer.
Result<LockedDirectory> MoveLayerAside(const core::Layout& layout, const Digest& chain_id);

// Gives the layers in `needed` their names back, and takes them out of `aside`; one that has been
// made anew meanwhile stays in it. Under the images lock.
Result<> PutBackLayers(const core::Layout& layout, const std::set<Digest>& needed,
                       std::vector<LockedDirectory>& aside);

// Deletes the trees of layers that were moved aside; they are gone when it returns, and their room
// is free (core/sys/remove_trees.h says why). The first error is returned; the others are deleted
// all the same.
Result<> DeleteLayers(const std::vector<LockedDirectory>& layers);

// Layers that the dead moved aside, locked: a container may have taken one before they could look
// again, so each is to be deleted or put back. Under the images lock.
std::vector<LockedDirectory> FindDeadLayers(const core::Layout& layout);

// Deletes layers in the making that the dead left. Best effort.
void RemoveDeadStaging(const core::Layout& layout);

}  // namespace hoy::oci
