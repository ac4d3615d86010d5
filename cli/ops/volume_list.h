#pragma once
// What the volume verbs have in common: their filters, and how a volume is shown.

#include <string>
#include <vector>

#include "cli/ui/filter.h"
#include "cli/ui/template.h"
#include "core/state/volume.h"

namespace hoy::cli {

class VolumeFilters {
 public:
  // Keys: dangling driver label name. kInvalidArgument: an unknown key, or dangling neither true
  // nor false.
  static Result<VolumeFilters> Parse(const std::vector<std::string>& texts);

  bool WantsUsers() const { return !filters_.Values("dangling").empty(); }
  bool Match(const core::VolumeRecord& record, const core::VolumeUsers& users) const;

 private:
  Filters filters_;
};

// "KEY" or "KEY=VALUE".
bool HasLabel(const core::VolumeRecord& record, std::string_view wanted);

// Docker's: {CreatedAt, Driver, Labels, Mountpoint, Name, Options, Scope}.
Json InspectVolume(const core::Layout& layout, const core::VolumeRecord& record);
// A row of `volume ls`.
Json VolumeRow(const core::Layout& layout, const core::VolumeRecord& record);

}  // namespace hoy::cli
