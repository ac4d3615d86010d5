#pragma once
// Small pieces of what `inspect` shows. Private to inspect*.cc.

#include <string>
#include <vector>

#include "cli/ui/template.h"

namespace hoy::cli {

// Pairs or a map -> an object.
template <typename Pairs>
Json ObjectOf(const Pairs& pairs) {
  Json object = Json::object();
  for (const auto& [key, value] : pairs) object[key] = value;
  return object;
}

// As Go's sets: {"80/tcp": {}}.
inline Json EmptyObjects(const std::vector<std::string>& keys) {
  Json object = Json::object();
  for (const std::string& key : keys) object[key] = Json::object();
  return object;
}

inline Json OrNull(const std::vector<std::string>& list) {
  return list.empty() ? Json() : Json(list);
}

}  // namespace hoy::cli
