#include "net/attach/link_mark.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>

#include "core/base/text.h"
#include "core/state/name_generator.h"

namespace hoy::net {
namespace {

constexpr std::string_view kBegin = "hoy network ";
constexpr size_t kLongestAlias = 254;  // IFALIASZ, without a NUL and the one that the kernel adds
constexpr size_t kOwnerLength = 32;

std::string OwnerPath(const core::Layout& layout) {
  return layout.Networks() + "/owner";
}

}  // namespace

std::optional<std::string> OwnerOf(const core::Layout& layout) {
  std::array<char, kOwnerLength + 1> owner;
  ssize_t count = readlink(OwnerPath(layout).c_str(), owner.data(), owner.size());
  if (count != kOwnerLength) return std::nullopt;
  return std::string(owner.data(), kOwnerLength);
}

std::string MarkOf(const core::Layout& layout, const NetworkRecord& network) {
  auto owner = OwnerOf(layout);
  if (!owner) {
    // Of several at once one is first.
    std::string made = core::RandomContainerId().substr(0, kOwnerLength);
    (void)symlink(made.c_str(), OwnerPath(layout).c_str());
    owner = OwnerOf(layout);
  }
  std::string name = fmt::format("{}{}", kBegin, network.name);
  std::string mark = fmt::format("{} {} {}", name, network.id, owner.value_or(""));
  if (owner && mark.size() <= kLongestAlias) return mark;
  return name.substr(0, kLongestAlias);
}

bool IsMark(std::string_view alias) {
  return alias.starts_with(kBegin);
}

std::optional<LinkMark> ReadMark(std::string_view alias) {
  if (!IsMark(alias)) return std::nullopt;
  auto [name, rest] = CutAt(alias.substr(kBegin.size()), ' ');
  if (!rest) return std::nullopt;
  auto [id, owner] = CutAt(*rest, ' ');
  if (!owner) return std::nullopt;
  return LinkMark{std::string(name), std::string(id), std::string(*owner)};
}

}  // namespace hoy::net
