#include "core/state/json_text.h"

#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace hoy::core {

nlohmann::json TextToJson(const std::string& text) {
  if (IsUtf8(text)) return text;
  std::string hex;
  for (unsigned char byte : text) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return {{"hex", hex}};
}

std::string TextFromJson(JsonView json) {
  if (!json.IsObject()) return OrThrow(json.String(), "a text");
  std::string hex = OrThrow(json["hex"].String(), "a text in hex");
  std::string text;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return text;
}

}  // namespace hoy::core
