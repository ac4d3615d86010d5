#include "cli/ops/volume_list.h"

#include <algorithm>

#include "cli/ops/container_filters.h"
#include "core/base/text.h"
#include "core/state/s3_volume.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

bool IsTrue(std::string_view value) {
  return value == "true" || value == "1";
}

Json FromPairs(const core::StringPairs& pairs) {
  Json object = Json::object();
  for (const auto& [key, value] : pairs) object[key] = value;
  return object;
}

// Docker's field for what a driver has to say.
Json S3StatusOf(const core::Layout& layout, const core::VolumeRecord& record) {
  auto place = core::ParseS3Options(record.options);
  Json status = {{"Url", place ? place->Url() : ""},
                 {"Pending", core::Exists(core::S3PendingPath(layout, record.name))}};
  if (auto last = core::ReadS3Status(layout, record.name)) {
    status["LastSync"] = core::FormatRfc3339(last->time);
    status["LastSyncWay"] = last->way;
    status["Error"] = last->error;
    status["Warnings"] = last->warnings;
  }
  return status;
}

}  // namespace

Result<VolumeFilters> VolumeFilters::Parse(const std::vector<std::string>& texts) {
  VolumeFilters filters;
  TRY(filters.filters_, Filters::Parse(texts, {"dangling", "driver", "label", "name"}));
  for (const std::string& value : filters.filters_.Values("dangling")) {
    if (IsTrue(value) || value == "false" || value == "0") continue;
    return Fail(ErrorKind::kInvalidArgument, "invalid filter 'dangling={}': one of true, false",
                value);
  }
  return filters;
}

bool VolumeFilters::Match(const core::VolumeRecord& record, const core::VolumeUsers& users) const {
  return filters_.Match("dangling",
                        [&](std::string_view v) {
                          return IsTrue(v) != users.by_volume.contains(record.name);
                        }) &&
         filters_.Match("driver", [](std::string_view v) { return v == "local"; }) &&
         filters_.Match("label", [&](std::string_view v) { return HasLabel(record, v); }) &&
         filters_.Match(
             "name", [&](std::string_view v) { return PatternIsIn(std::string(v), record.name); });
}

bool HasLabel(const core::VolumeRecord& record, std::string_view wanted) {
  auto [key, value] = CutAt(wanted, '=');
  return std::ranges::any_of(record.labels, [key, value](const auto& label) {
    return label.first == key && (!value || label.second == *value);
  });
}

Json InspectVolume(const core::Layout& layout, const core::VolumeRecord& record) {
  Json json = {{"CreatedAt", core::FormatRfc3339(record.created)},
               {"Driver", "local"},
               {"Labels", FromPairs(record.labels)},
               {"Mountpoint", core::VolumeData(layout, record.name)},
               {"Name", record.name},
               {"Options", FromPairs(record.options)},
               {"Scope", "local"}};
  if (core::IsS3Volume(record.options)) json["Status"] = S3StatusOf(layout, record);
  return json;
}

Json VolumeRow(const core::Layout& layout, const core::VolumeRecord& record) {
  std::string labels;
  for (const auto& [key, value] : record.labels) {
    labels += fmt::format("{}{}={}", labels.empty() ? "" : ",", key, value);
  }
  return {{"Driver", "local"},
          {"Labels", std::move(labels)},
          {"Mountpoint", core::VolumeData(layout, record.name)},
          {"Name", record.name},
          {"Scope", "local"},
          {"CreatedAt", core::FormatRfc3339(record.created)}};
}

}  // namespace hoy::cli
