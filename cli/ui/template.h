#pragma once
// The part of Go's text/template that people's scripts give to --format
// (https://pkg.go.dev/text/template): fields, variables, pipes, parentheses, if / else if / else,
// range, with, trim markers, comments; print printf println, json join split lower upper title
// truncate pad index len slice, eq ne lt le gt ge, and or not.
//
// Data is JSON. A field that is not there is an error that names the ones there are, except in a
// condition, where it is false, and in maps that users fill (Labels, Ports, Networks ...), where
// it is Go's "<no value>".

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::cli {

using Json = nlohmann::ordered_json;

namespace detail {
struct TemplateBody;
}

class Template {
 public:
  // kInvalidArgument: what is wrong, with the place in the text.
  static Result<Template> Parse(std::string_view text);

  Result<std::string> Render(const Json& data) const;
  // For data whose JSON has other names than its fields: `json .` gives `as_json`.
  Result<std::string> Render(const Json& data, const Json& as_json) const;

  // Renders a table's header line: `headers` maps fields to their titles, and functions that work
  // on values pass titles through.
  Result<std::string> RenderHeader(const Json& headers) const;

  // Whether it asks for a field of that name, wherever: for fields that are dear to fill.
  bool Mentions(std::string_view field) const;
  // Whether it has a dot or $ by itself, which may be the whole data.
  bool MentionsAll() const;

 private:
  std::shared_ptr<const detail::TemplateBody> body_;
};

// One line of JSON; bytes that are not UTF-8 are replaced.
std::string CompactJson(const Json& value);

}  // namespace hoy::cli
