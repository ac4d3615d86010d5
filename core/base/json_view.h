#pragma once
// A JSON text (RFC 8259) read where it lies: one pass that notes where each value begins and ends,
// and no tree, map or copied string. For the small records that every verb reads on its way to
// start; whoever writes JSON, or changes one, uses nlohmann's.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hoy {

class JsonText;

// One value of a JsonText, which must outlive it; or the lack of one, which answers like a value
// of no type. What has another type than the one that is asked for gives nullopt.
class JsonView {
 public:
  JsonView() = default;

  explicit operator bool() const { return text_ != nullptr; }  // whether there is a value
  bool IsObject() const;
  bool IsArray() const;

  // The first member of that name.
  JsonView operator[](std::string_view name) const;

  // The elements of an array, or the members of an object, in their order.
  JsonView First() const;
  JsonView Next() const;     // the one after this, in the same array or object
  std::string Name() const;  // of a member

  std::optional<std::string> String() const;
  std::optional<bool> Bool() const;
  // Of a number that the type can hold. A fraction is cut off.
  template <typename Number>
  std::optional<Number> As() const {
    auto digits = Digits();
    if (!digits) return std::nullopt;
    Number value{};
    auto [end, code] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (code != std::errc{}) return std::nullopt;
    if (end == digits->data() + digits->size()) return value;
    return Rounded<Number>(*digits);
  }

 private:
  friend class JsonText;
  JsonView(const JsonText* text, uint32_t index, uint32_t parent)
      : text_(text), index_(index), parent_(parent) {}

  template <typename Number>
  static std::optional<Number> Rounded(std::string_view digits) {
    double value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{}) {
      return std::nullopt;
    }
    constexpr double kMost = 9.2e18;
    if (!(value > -kMost && value < kMost)) return std::nullopt;
    return static_cast<Number>(value);
  }
  std::optional<std::string_view> Digits() const;

  const JsonText* text_ = nullptr;
  uint32_t index_ = 0;   // of its node
  uint32_t parent_ = 0;  // the node that it is in; the root's is itself
};

class JsonText {
 public:
  // Keeps a view of `text`. nullopt: it is not JSON, or nested deeper than 64 levels, or 1 GiB.
  static std::optional<JsonText> Parse(std::string_view text);
  JsonView root() const { return {this, 0, 0}; }

 private:
  friend class JsonView;
  friend class JsonParser;
  enum class Type : uint8_t { kNull, kBool, kNumber, kString, kEscapedString, kArray, kObject };
  // In the order of the text. A member of an object is the node of its name and then its value.
  struct Node {
    uint32_t begin;  // in the text; of a string without its quotes
    uint32_t size;
    uint32_t end;  // the node after all that is in this one
    Type type;
  };

  std::string_view Raw(const Node& node) const { return text_.substr(node.begin, node.size); }
  std::string Unescaped(const Node& node) const;

  std::string_view text_;
  std::vector<Node> nodes_;
};

}  // namespace hoy
