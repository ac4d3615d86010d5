#include "core/base/json_view.h"

#include <array>

#include "core/base/text.h"

namespace hoy {

class JsonParser {
 public:
  using Type = JsonText::Type;

  explicit JsonParser(JsonText& json) : json_(json), text_(json.text_) {
    json_.nodes_.reserve(text_.size() / 8 + 4);
  }

  bool Run() {
    if (text_.size() >= (size_t{1} << 30)) return false;
    bool complete = Value();
    while (complete && depth_ > 0) complete = Inside();
    SkipSpace();
    return complete && at_ == text_.size();
  }

 private:
  static constexpr size_t kMostLevels = 64;

  // One step within the innermost array or object: its end, or a comma and what comes next.
  bool Inside() {
    uint32_t open = open_[depth_ - 1];
    bool is_object = json_.nodes_[open].type == Type::kObject;
    bool is_empty = json_.nodes_.size() == open + 1;
    SkipSpace();
    if (Take(is_object ? '}' : ']')) {
      json_.nodes_[open].end = static_cast<uint32_t>(json_.nodes_.size());
      --depth_;
      return true;
    }
    if (!is_empty && !Take(',')) return false;
    if (!is_object) return Value();
    SkipSpace();
    if (!Take('"') || !String()) return false;
    SkipSpace();
    return Take(':') && Value();
  }

  bool Value() {
    SkipSpace();
    if (at_ == text_.size()) return false;
    switch (text_[at_]) {
      case '{': return Open(Type::kObject);
      case '[': return Open(Type::kArray);
      case '"': ++at_; return String();
      case 't': return Word("true", Type::kBool);
      case 'f': return Word("false", Type::kBool);
      case 'n': return Word("null", Type::kNull);
      default: return Number();
    }
  }

  bool Open(Type type) {
    if (depth_ == kMostLevels) return false;
    open_[depth_++] = static_cast<uint32_t>(json_.nodes_.size());
    Add(at_++, 0, type);
    return true;
  }

  bool Word(std::string_view word, Type type) {
    if (!text_.substr(at_).starts_with(word)) return false;
    Add(at_, word.size(), type);
    at_ += word.size();
    return true;
  }

  bool Number() {
    size_t begin = at_;
    Take('-');
    if (!Take('0') && !SkipDigits()) return false;
    if (Take('.') && !SkipDigits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!SkipDigits()) return false;
    }
    Add(begin, at_ - begin, Type::kNumber);
    return true;
  }

  // After its opening quote.
  bool String() {
    size_t begin = at_;
    bool escaped = false;
    bool ascii = true;
    for (; at_ < text_.size(); ++at_) {
      auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte == '"') {
        if (!ascii && !IsUtf8(text_.substr(begin, at_ - begin))) return false;
        Add(begin, at_ - begin, escaped ? Type::kEscapedString : Type::kString);
        ++at_;
        return true;
      }
      if (byte < 0x20) return false;
      if (byte >= 0x80) ascii = false;
      if (byte == '\\') {
        escaped = true;
        if (!SkipEscape()) return false;
      }
    }
    return false;
  }

  // From a backslash to the last byte of what it introduces.
  bool SkipEscape() {
    if (++at_ == text_.size()) return false;
    if (text_[at_] != 'u') {
      return std::string_view("\"\\/bfnrt").find(text_[at_]) != std::string_view::npos;
    }
    auto unit = HexUnit(at_ + 1);
    if (!unit || (*unit >= 0xdc00 && *unit < 0xe000)) return false;
    at_ += 4;
    if (*unit < 0xd800 || *unit >= 0xe000) return true;
    if (text_.substr(at_ + 1, 2) != "\\u") return false;
    auto low = HexUnit(at_ + 3);
    if (!low || *low < 0xdc00 || *low >= 0xe000) return false;
    at_ += 6;
    return true;
  }

  std::optional<unsigned> HexUnit(size_t begin) const {
    if (begin + 4 > text_.size()) return std::nullopt;
    unsigned unit = 0;
    const char* from = text_.data() + begin;
    auto [end, code] = std::from_chars(from, from + 4, unit, 16);
    if (code != std::errc{} || end != from + 4) return std::nullopt;
    return unit;
  }

  void Add(size_t begin, size_t size, Type type) {
    auto index = static_cast<uint32_t>(json_.nodes_.size());
    json_.nodes_.push_back(
        {static_cast<uint32_t>(begin), static_cast<uint32_t>(size), index + 1, type});
  }

  bool Take(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool SkipDigits() {
    size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin;
  }

  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  JsonText& json_;
  std::string_view text_;
  size_t at_ = 0;
  std::array<uint32_t, kMostLevels> open_{};  // the arrays and objects around at_
  size_t depth_ = 0;
};

namespace {

void AppendUtf8(std::string& text, unsigned code) {
  auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

unsigned Unit(std::string_view hex) {
  unsigned unit = 0;
  std::from_chars(hex.data(), hex.data() + 4, unit, 16);
  return unit;
}

char PlainEscape(char letter) {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return letter;
  }
}

}  // namespace

std::optional<JsonText> JsonText::Parse(std::string_view text) {
  JsonText json;
  json.text_ = text;
  if (!JsonParser(json).Run()) return std::nullopt;
  return json;
}

// The parser has seen that every escape is whole.
std::string JsonText::Unescaped(const Node& node) const {
  std::string_view raw = Raw(node);
  std::string text;
  text.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      text += raw[i];
    } else if (raw[++i] != 'u') {
      text += PlainEscape(raw[i]);
    } else {
      unsigned code = Unit(raw.substr(i + 1));
      i += 4;
      if (code >= 0xd800 && code < 0xdc00) {
        code = 0x10000 + ((code - 0xd800) << 10) + (Unit(raw.substr(i + 3)) - 0xdc00);
        i += 6;
      }
      AppendUtf8(text, code);
    }
  }
  return text;
}

bool JsonView::IsObject() const {
  return text_ && text_->nodes_[index_].type == JsonText::Type::kObject;
}

bool JsonView::IsArray() const {
  return text_ && text_->nodes_[index_].type == JsonText::Type::kArray;
}

JsonView JsonView::operator[](std::string_view name) const {
  if (!IsObject()) return {};
  const auto& nodes = text_->nodes_;
  for (uint32_t i = index_ + 1; i < nodes[index_].end; i = nodes[i + 1].end) {
    bool plain = nodes[i].type == JsonText::Type::kString;
    if (plain ? text_->Raw(nodes[i]) == name : text_->Unescaped(nodes[i]) == name) {
      return {text_, i + 1, index_};
    }
  }
  return {};
}

JsonView JsonView::First() const {
  if (!IsObject() && !IsArray()) return {};
  uint32_t first = index_ + (IsObject() ? 2 : 1);
  return first < text_->nodes_[index_].end ? JsonView(text_, first, index_) : JsonView();
}

JsonView JsonView::Next() const {
  if (!text_ || index_ == parent_) return {};
  const JsonText::Node& parent = text_->nodes_[parent_];
  uint32_t next = text_->nodes_[index_].end + (parent.type == JsonText::Type::kObject ? 1 : 0);
  return next < parent.end ? JsonView(text_, next, parent_) : JsonView();
}

std::string JsonView::Name() const {
  if (!text_ || index_ == parent_ || text_->nodes_[parent_].type != JsonText::Type::kObject) {
    return {};
  }
  return text_->Unescaped(text_->nodes_[index_ - 1]);
}

std::optional<std::string> JsonView::String() const {
  if (!text_) return std::nullopt;
  const JsonText::Node& node = text_->nodes_[index_];
  if (node.type == JsonText::Type::kString) return std::string(text_->Raw(node));
  if (node.type == JsonText::Type::kEscapedString) return text_->Unescaped(node);
  return std::nullopt;
}

std::optional<bool> JsonView::Bool() const {
  if (!text_ || text_->nodes_[index_].type != JsonText::Type::kBool) return std::nullopt;
  return text_->Raw(text_->nodes_[index_]) == "true";
}

std::optional<std::string_view> JsonView::Digits() const {
  if (!text_ || text_->nodes_[index_].type != JsonText::Type::kNumber) return std::nullopt;
  return text_->Raw(text_->nodes_[index_]);
}

}  // namespace hoy
