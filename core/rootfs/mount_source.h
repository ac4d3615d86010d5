#pragma once
// Where the files of a bind are on the host.

#include <string>
#include <vector>

#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::core {

// Lowest first -> the directories of the layers, topmost first, as overlayfs wants them.
std::vector<std::string> LayerDirectories(const Layout& layout,
                                          const std::vector<std::string>& chain_ids);

// The directories that a bind shows, topmost first: its source, or the layers of its image. The
// part of a volume or an image that is meant (SubpathOf) is to be found inside them.
std::vector<std::string> SourceLayers(const Layout& layout, const Mount& mount);
std::string SubpathOf(const Mount& mount);  // empty: all of it

}  // namespace hoy::core
