#pragma once
// One line of text in a fixed buffer: what the monitor writes JSON with, since it links no library.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hoy::core {

class TextLine {
 public:
  TextLine& operator<<(std::string_view text) {
    for (char c : text) {
      if (used_ < sizeof text_ - 1) text_[used_++] = c;
    }
    return *this;
  }
  TextLine& operator<<(int64_t number) {
    char digits[20];
    size_t count = 0;
    auto rest = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (number < 0) *this << "-";
    while (count > 0) *this << std::string_view(&digits[--count], 1);
    return *this;
  }
  std::string_view view() const { return {text_, used_}; }
  const char* c_str() const { return text_; }

 private:
  char text_[1024 + 1] = {};  // the last one stays NUL
  size_t used_ = 0;
};

}  // namespace hoy::core
