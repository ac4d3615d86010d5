#include "cli/ops/yaml_json.h"

#include <yaml.h>

#include <string>

#include "cli/ops/option_values.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

constexpr int kMaxDepth = 32;

class Document {
 public:
  explicit Document(std::string_view text) {
    usable_ = yaml_parser_initialize(&parser_) != 0;
    if (!usable_) return;
    const char* bytes = text.empty() ? "" : text.data();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(bytes),
                                 text.size());
  }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  ~Document() {
    yaml_event_delete(&event_);
    if (usable_) yaml_parser_delete(&parser_);
  }

  Result<Json> Read() {
    if (!usable_) return Corrupt("no memory");
    TRY(Next());  // the stream
    TRY(Next());
    if (event_.type == YAML_STREAM_END_EVENT) return Json();
    TRY(Next());
    return Value(0);
  }

 private:
  Result<> Next() {
    yaml_event_delete(&event_);
    event_ = {};
    if (yaml_parser_parse(&parser_, &event_) != 0) return {};
    event_ = {};
    return Fail(ErrorKind::kCorrupt, "line {}: {}", parser_.problem_mark.line + 1,
                parser_.problem != nullptr ? parser_.problem : "no YAML");
  }

  std::unexpected<Error> Corrupt(std::string_view reason) const {
    return Fail(ErrorKind::kCorrupt, "line {}: {}", event_.start_mark.line + 1, reason);
  }

  std::string Text() const {
    return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length};
  }

  static Json Plain(const std::string& text) {
    if (text.empty() || text == "~" || text == "null") return {};
    if (text == "true" || text == "false") return text == "true";
    std::string_view digits = text;
    int base = 10;
    if (digits.starts_with("0x")) {
      base = 16;
      digits.remove_prefix(2);
    } else if (digits.starts_with("0o")) {
      base = 8;
      digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits.starts_with('0')) {
      base = 8;
    }
    int64_t number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (error == std::errc() && end == digits.data() + digits.size()) return number;
    return text;
  }

  // The event at hand is its first one; its last one is at hand afterwards.
  Result<Json> Value(int depth) {
    if (depth > kMaxDepth) return Corrupt("nested too deep");
    switch (event_.type) {
      case YAML_SCALAR_EVENT:
        if (event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) return Plain(Text());
        return Json(Text());
      case YAML_SEQUENCE_START_EVENT: return Sequence(depth);
      case YAML_MAPPING_START_EVENT: return Mapping(depth);
      default: return Corrupt("a value is expected here, and no alias");
    }
  }

  Result<Json> Sequence(int depth) {
    Json list = Json::array();
    for (;;) {
      TRY(Next());
      if (event_.type == YAML_SEQUENCE_END_EVENT) return list;
      TRY(Json item, Value(depth + 1));
      list.push_back(std::move(item));
    }
  }

  Result<Json> Mapping(int depth) {
    Json object = Json::object();
    for (;;) {
      TRY(Next());
      if (event_.type == YAML_MAPPING_END_EVENT) return object;
      if (event_.type != YAML_SCALAR_EVENT) return Corrupt("a key is expected here");
      std::string key = Text();
      if (object.contains(key)) return Corrupt(fmt::format("'{}' comes twice", key));
      TRY(Next());
      TRY(object[key], Value(depth + 1));
    }
  }

  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool usable_ = false;
};

}  // namespace

Result<Json> ParseYaml(std::string_view text) {
  return Document(text).Read();
}

}  // namespace hoy::cli
