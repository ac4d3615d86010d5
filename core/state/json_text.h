#pragma once
// Texts in records. They are bytes that a person or an image chose and need not be UTF-8, which
// JSON strings must be: one that is not is kept as {"hex": ...}. Private to the record codecs.

#include <fmt/core.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/base/json_view.h"

namespace hoy::core {

// std::invalid_argument: it is not there, or of another type.
template <typename T>
T OrThrow(std::optional<T> value, const char* expected) {
  if (!value) throw std::invalid_argument(fmt::format("{} was expected", expected));
  return *std::move(value);
}

nlohmann::json TextToJson(const std::string& text);
std::string TextFromJson(JsonView json);  // throws like OrThrow

}  // namespace hoy::core
