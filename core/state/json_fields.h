#pragma once
// Reading the members of a record's object into fields, which keep their value where a member is
// missing.

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/json_view.h"

namespace hoy::core {

class JsonFields {
 public:
  explicit JsonFields(JsonView object) : object_(object) {}

  // A string, a bool, a number, or (deeply) a list of such, or of pairs of them.
  template <typename T>
  void Read(std::string_view name, T& field) {
    if (JsonView value = object_[name]; value && !Take(value, field)) all_fit_ = false;
  }

  template <typename T>
  T Get(std::string_view name, T fallback) {
    Read(name, fallback);
    return fallback;
  }

  // Whether every member that was read had the type of its field.
  bool all_fit() const { return all_fit_; }

 private:
  template <typename T>
  static bool Take(std::optional<T> value, T& field) {
    if (!value) return false;
    field = *std::move(value);
    return true;
  }
  static bool Take(JsonView value, std::string& field) { return Take(value.String(), field); }
  static bool Take(JsonView value, bool& field) { return Take(value.Bool(), field); }
  template <typename T>
    requires std::is_arithmetic_v<T>
  static bool Take(JsonView value, T& field) {
    return Take(value.As<T>(), field);
  }
  template <typename A, typename B>
  static bool Take(JsonView value, std::pair<A, B>& field) {
    JsonView first = value.First();
    return Take(first, field.first) && Take(first.Next(), field.second);
  }
  template <typename T>
  static bool Take(JsonView value, std::vector<T>& field) {
    if (!value.IsArray()) return false;
    field.clear();
    for (JsonView element = value.First(); element; element = element.Next()) {
      if (!Take(element, field.emplace_back())) return false;
    }
    return true;
  }

  JsonView object_;
  bool all_fit_ = true;
};

}  // namespace hoy::core
