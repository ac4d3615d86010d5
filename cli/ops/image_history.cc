#include "cli/ops/image_history.h"

#include <algorithm>

#include "cli/ui/table.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

constexpr size_t kCommandWidth = 45;  // docker's

Json Row(const oci::HistoryEntry& step, uint64_t bytes, const HistoryRequest& request) {
  std::string created_at = core::FormatRfc3339(step.created).substr(0, 19) + "Z";
  std::string since =
      step.created == 0 ? "N/A" : core::HumanDuration(request.now - step.created) + " ago";
  std::string command = step.created_by;
  // A Dockerfile's continued lines would break the table.
  std::ranges::replace_if(command, [](char c) { return c == '\t' || c == '\n'; }, ' ');
  return {{"ID", "<missing>"},
          {"CreatedAt", created_at},
          {"CreatedSince", request.human ? since : created_at},
          {"CreatedBy", request.no_trunc ? command : Ellipsize(command, kCommandWidth)},
          {"Size", request.human ? FormatByteSize(bytes, 3) : std::to_string(bytes)},
          {"Comment", step.comment}};
}

}  // namespace

std::vector<Json> HistoryRows(const oci::Digest& image, const std::vector<oci::HistoryEntry>& steps,
                              const std::vector<uint64_t>& layer_bytes,
                              const HistoryRequest& request) {
  std::vector<Json> rows;
  size_t layer = 0;
  for (const oci::HistoryEntry& step : steps) {
    bool has_layer = !step.empty_layer && layer < layer_bytes.size();
    rows.push_back(Row(step, has_layer ? layer_bytes[layer++] : 0, request));
  }
  for (; layer < layer_bytes.size(); ++layer) rows.push_back(Row({}, layer_bytes[layer], request));
  std::ranges::reverse(rows);
  if (!rows.empty()) rows.front()["ID"] = request.no_trunc ? image.ToString() : image.Short();
  return rows;
}

}  // namespace hoy::cli
