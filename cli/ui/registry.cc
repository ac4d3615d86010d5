#include <algorithm>

#include "cli/ui/command.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

// Constant-initialised, so it is ready whatever order the registrations run in.
constinit const Registration* registry_head = nullptr;

template <typename Visit>
const Registration* FindWhere(Visit&& visit) {
  for (const Registration* entry = registry_head; entry != nullptr; entry = entry->next()) {
    if (visit(entry->info())) return entry;
  }
  return nullptr;
}

}  // namespace

Registration::Registration(const CommandInfo* info, Factory make)
    : info_(info), make_(make), next_(registry_head) {
  registry_head = this;
}

std::vector<const Registration*> AllCommands() {
  std::vector<const Registration*> all;
  for (const Registration* entry = registry_head; entry != nullptr; entry = entry->next()) {
    all.push_back(entry);
  }
  std::ranges::sort(all, {}, [](const Registration* entry) { return entry->info().name; });
  return all;
}

const Registration* FindCommand(std::string_view spelling) {
  return FindWhere([&](const CommandInfo& info) {
    if (info.name == spelling) return true;
    for (std::string_view alias : Split(info.aliases, ',')) {
      if (Trim(alias) == spelling) return true;
    }
    return false;
  });
}

const Registration* FindCommand(std::span<char* const> words, size_t* words_used) {
  if (words.empty()) return nullptr;
  if (const Registration* found = FindCommand(words[0])) {
    *words_used = 1;
    return found;
  }
  if (words.size() < 2) return nullptr;
  const Registration* found = FindCommand(std::string(words[0]) + " " + words[1]);
  if (found != nullptr) *words_used = 2;
  return found;
}

bool IsGroup(std::string_view word) {
  return !word.empty() && FindWhere([&](const CommandInfo& info) {
                            auto grouped = GroupedSpellings(info);
                            return std::ranges::any_of(
                                grouped, [&](const auto& words) { return words.first == word; });
                          }) != nullptr;
}

std::string PageName(const CommandInfo& info) {
  if (info.name.empty()) return "hoy";
  std::string page = fmt::format("hoy-{}", info.name);
  std::ranges::replace(page, ' ', '-');
  return page;
}

std::vector<std::pair<std::string_view, std::string_view>> GroupedSpellings(
    const CommandInfo& info) {
  std::vector<std::pair<std::string_view, std::string_view>> grouped;
  auto add = [&](std::string_view spelling) {
    Cut words = CutAt(Trim(spelling), ' ');
    if (words.after) grouped.emplace_back(words.before, *words.after);
  };
  add(info.name);
  for (std::string_view alias : Split(info.aliases, ',')) add(alias);
  return grouped;
}

}  // namespace hoy::cli
