#include "cli/ui/printable.h"

#include <fmt/core.h>

#include <cstdint>

namespace hoy::cli {
namespace {

// The length of the UTF-8 character at the beginning, and its code point; 0: there is none
// (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF).
size_t Decode(std::string_view bytes, uint32_t* code) {
  auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  unsigned char first = at(0);
  size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) return 0;
  if (bytes.size() < length) return 0;
  constexpr unsigned char kFirstBits[] = {0x7f, 0x1f, 0x0f, 0x07};
  *code = first & kFirstBits[length - 1];
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
    *code = *code << 6 | (at(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
  return *code < kSmallest[length - 1] || surrogate || *code > 0x10ffff ? 0 : length;
}

std::string Escaped(std::string_view bytes, bool keep_layout) {
  std::string text;
  while (!bytes.empty()) {
    uint32_t code = 0;
    size_t length = Decode(bytes, &code);
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    if (keep_layout && (bytes[0] == '\n' || bytes[0] == '\t')) {
      text += bytes[0];
    } else if (bytes[0] == '\n') {
      text += "\\n";
    } else if (bytes[0] == '\t') {
      text += "\\t";
    } else if (length == 0 || control) {
      size_t count = length == 0 ? 1 : length;
      for (char c : bytes.substr(0, count)) {
        text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

}  // namespace

std::string Printable(std::string_view bytes) {
  return Escaped(bytes, /*keep_layout=*/false);
}

std::string PrintableLines(std::string_view bytes) {
  return Escaped(bytes, /*keep_layout=*/true);
}

}  // namespace hoy::cli
