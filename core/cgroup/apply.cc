#include "core/cgroup/apply.h"

#include <algorithm>
#include <optional>
#include <ranges>

#include "core/base/text.h"
#include "core/cgroup/tree.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

bool NamesDevice(std::string_view value) {
  auto [device, rest] = CutAt(value, ' ');
  auto [major, minor] = CutAt(device, ':');
  return rest && minor && ParseInteger<uint32_t>(major) && ParseInteger<uint32_t>(*minor);
}

struct Undo {
  std::string path;
  std::string value;
};

// Of the file that will be written; nullopt: neither can be read, and so none can be restored.
std::optional<Undo> PlanUndo(const PlacedWrite& placed) {
  const LimitWrite& write = placed.write;
  std::string path = placed.directory + "/" + write.file;
  if (auto content = ReadFile(path)) return Undo{path, UndoValue(*content, write.value)};
  if (write.fallback_file.empty()) return std::nullopt;
  path = placed.directory + "/" + write.fallback_file;
  if (auto content = ReadFile(path)) return Undo{path, UndoValue(*content, write.fallback_value)};
  return std::nullopt;
}

}  // namespace

std::vector<LimitWrite> ChangedWrites(const std::vector<LimitWrite>& before,
                                      const std::vector<LimitWrite>& after) {
  std::vector<LimitWrite> changed;
  for (const LimitWrite& write : after) {
    bool same = std::ranges::any_of(before, [&](const LimitWrite& old) {
      return old.file == write.file && old.value == write.value;
    });
    if (!same) changed.push_back(write);
  }
  return changed;
}

std::string UndoValue(std::string_view content, std::string_view value) {
  auto lines = Split(Trim(content), '\n');
  if (NamesDevice(value)) {
    std::string device(CutAt(value, ' ').before);
    for (std::string_view line : lines) {
      if (CutAt(line, ' ').before == device) return std::string(line);
    }
    // v1 takes 0 for none; v2 wants a word for each key.
    std::string_view setting = *CutAt(value, ' ').after;
    auto [key, rate] = CutAt(setting, '=');
    return rate ? fmt::format("{} {}=max", device, key) : device + " 0";
  }
  if (lines.empty()) return "\n";  // an empty cpuset: the parent's
  return std::string(lines[0]);
}

Result<> ApplyWrites(const std::vector<PlacedWrite>& writes) {
  std::vector<Undo> done;
  for (const PlacedWrite& placed : writes) {
    std::optional<Undo> undo = PlanUndo(placed);
    auto written = WriteLimit(placed.directory, placed.write);
    if (!written) {
      for (const Undo& each : done | std::views::reverse) {
        (void)WriteControlFile(each.path, each.value);
      }
      return written;
    }
    if (undo) done.push_back(*std::move(undo));
  }
  return {};
}

}  // namespace hoy::core
