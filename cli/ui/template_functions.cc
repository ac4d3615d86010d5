// The functions of templates, and how values print.

#include <fmt/printf.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/ui/template_body.h"
#include "core/base/text.h"

namespace hoy::cli::detail {
namespace {

Result<Json> Wrong(std::string message) {
  return Fail(MakeError(ErrorKind::kInvalidArgument, "template: " + std::move(message)));
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : Printed(value);
}

template <typename Change>
Result<Json> ChangeText(std::string_view name, Arguments arguments, Change change) {
  if (arguments.size() != 1) return Wrong(fmt::format("{} wants one value", name));
  std::string text = TextOf(arguments[0]);
  change(text);
  return Json(std::move(text));
}

Result<Json> ToJson(Arguments arguments) {
  if (arguments.size() != 1) return Wrong("json wants one value");
  return Json(CompactJson(arguments[0]));
}

Result<Json> Lower(Arguments arguments) {
  return ChangeText("lower", arguments, [](std::string& text) { text = ToLower(text); });
}

Result<Json> Upper(Arguments arguments) {
  return ChangeText("upper", arguments, [](std::string& text) {
    for (char& c : text) c = static_cast<char>(toupper(static_cast<unsigned char>(c)));
  });
}

Result<Json> Title(Arguments arguments) {
  return ChangeText("title", arguments, [](std::string& text) {
    if (!text.empty()) text[0] = static_cast<char>(toupper(static_cast<unsigned char>(text[0])));
  });
}

Result<Json> Join(Arguments arguments) {
  // An empty list may be null: docker's Entrypoint.
  bool is_list = arguments.size() == 2 && (arguments[0].is_array() || arguments[0].is_null());
  if (!is_list || !arguments[1].is_string()) {
    return Wrong("join wants a list and a separator");
  }
  std::vector<std::string> parts;
  for (const Json& part : arguments[0]) parts.push_back(TextOf(part));
  return Json(hoy::Join(parts, arguments[1].get<std::string>()));
}

Result<Json> SplitText(Arguments arguments) {
  if (arguments.size() != 2 || !arguments[0].is_string() || !arguments[1].is_string()) {
    return Wrong("split wants a text and a separator");
  }
  auto text = arguments[0].get<std::string>();
  auto separator = arguments[1].get<std::string>();
  Json parts = Json::array();
  if (separator.empty()) {
    for (char c : text) parts.push_back(std::string(1, c));
    return parts;
  }
  size_t at = 0;
  for (size_t end = 0; (end = text.find(separator, at)) != std::string::npos;
       at = end + separator.size()) {
    parts.push_back(text.substr(at, end - at));
  }
  parts.push_back(text.substr(at));
  return parts;
}

Result<Json> Truncate(Arguments arguments) {
  if (arguments.size() != 2 || !arguments[1].is_number_integer()) {
    return Wrong("truncate wants a text and a length");
  }
  std::string text = TextOf(arguments[0]);
  auto length = std::max<int64_t>(0, arguments[1].get<int64_t>());
  return Json(text.substr(0, static_cast<size_t>(length)));
}

Result<Json> Pad(Arguments arguments) {
  if (arguments.size() != 3 || !arguments[1].is_number_integer() ||
      !arguments[2].is_number_integer()) {
    return Wrong("pad wants a text and the numbers of spaces before and after it");
  }
  auto spaces = [](const Json& count) {
    return std::string(static_cast<size_t>(std::clamp<int64_t>(count.get<int64_t>(), 0, 1000)),
                       ' ');
  };
  std::string text = TextOf(arguments[0]);
  return Json(text.empty() ? text : spaces(arguments[1]) + text + spaces(arguments[2]));
}

Result<Json> Length(Arguments arguments) {
  if (arguments.size() != 1) return Wrong("len wants one value");
  const Json& value = arguments[0];
  if (value.is_string()) return Json(value.get_ref<const std::string&>().size());
  if (value.is_structured() || value.is_null()) return Json(value.size());
  return Wrong(fmt::format("len of '{}'", Printed(value)));
}

Result<Json> Index(Arguments arguments) {
  if (arguments.empty()) return Wrong("index wants a list or map and where to look");
  Json value = arguments[0];
  for (const Json& key : arguments.subspan(1)) {
    if (value.is_array() && key.is_number_integer()) {
      auto at = key.get<int64_t>();
      if (at < 0 || static_cast<size_t>(at) >= value.size()) {
        return Wrong(fmt::format("index {} of a list of {}", at, value.size()));
      }
      value = Json(value[static_cast<size_t>(at)]);
    } else if ((value.is_object() || value.is_null()) && key.is_string()) {
      // A missing key is the map's zero value in Go; for docker's maps of texts that prints "".
      auto found = value.find(key.get<std::string>());
      if (value.is_null() || found == value.end()) return Json("");
      value = Json(*found);
    } else {
      return Wrong(fmt::format("cannot index '{}' with '{}'", Printed(value), Printed(key)));
    }
  }
  return value;
}

Result<Json> Slice(Arguments arguments) {
  if (arguments.empty() || arguments.size() > 3 || !arguments[0].is_string()) {
    return Wrong("slice wants a text, a start and an end");
  }
  const auto& text = arguments[0].get_ref<const std::string&>();
  for (const Json& at : arguments.subspan(1)) {
    if (!at.is_number_unsigned() && !at.is_number_integer()) return Wrong("slice wants numbers");
  }
  size_t begin = arguments.size() > 1 ? arguments[1].get<size_t>() : 0;
  size_t end = arguments.size() > 2 ? arguments[2].get<size_t>() : text.size();
  if (begin > end || end > text.size()) return Wrong("slice is out of range");
  return Json(text.substr(begin, end - begin));
}

std::string Concatenated(Arguments arguments, bool always_spaces) {
  std::string text;
  for (size_t i = 0; i < arguments.size(); ++i) {
    // Go's Print: a space between operands when neither is a string.
    bool texts = i > 0 && (arguments[i].is_string() || arguments[i - 1].is_string());
    if (i > 0 && (always_spaces || !texts)) text += ' ';
    text += Printed(arguments[i]);
  }
  return text;
}

Result<Json> Print(Arguments arguments) {
  return Json(Concatenated(arguments, false));
}
Result<Json> Println(Arguments arguments) {
  return Json(Concatenated(arguments, true) + "\n");
}

std::string Quoted(const std::string& text) {
  return CompactJson(Json(text));
}

// One verb of printf: "%-10s". The flags, width and precision are those of C.
std::string FormatOne(const std::string& specification, char verb, const Json& value) {
  auto with = [&](std::string_view type) {
    return specification.substr(0, specification.size() - 1) + std::string(type);
  };
  if (value.is_number_integer() && std::string_view("dxXoc").find(verb) != std::string_view::npos) {
    return fmt::sprintf(with(std::string(1, verb)), value.get<int64_t>());
  }
  if (value.is_number() && std::string_view("feEgG").find(verb) != std::string_view::npos) {
    return fmt::sprintf(with(std::string(1, verb)), value.get<double>());
  }
  std::string text = verb == 'q' ? Quoted(TextOf(value)) : Printed(value);
  if (std::string_view("svqt").find(verb) == std::string_view::npos) {
    return fmt::format("%!{}({})", verb, text);  // what Go prints for a verb that does not fit
  }
  return fmt::sprintf(with("s"), text);
}

Result<Json> Printf(Arguments arguments) {
  if (arguments.empty() || !arguments[0].is_string()) return Wrong("printf wants a format first");
  const auto& format = arguments[0].get_ref<const std::string&>();
  std::string text;
  size_t next = 1;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    size_t end = format.find_first_not_of("+-# 0123456789.", i + 1);
    if (end == std::string::npos || end - i > 8) return Wrong("printf: a '%' has no verb");
    if (format[end] == '%') {
      text += '%';
    } else if (next == arguments.size()) {
      return Wrong(fmt::format("printf '{}' wants more values", format));
    } else {
      try {
        text += FormatOne(format.substr(i, end - i + 1), format[end], arguments[next++]);
      } catch (const fmt::format_error& error) {
        return Wrong(fmt::format("printf '{}': {}", format, error.what()));
      }
    }
    i = end;
  }
  if (next != arguments.size()) return Wrong(fmt::format("printf '{}' has values left", format));
  return Json(std::move(text));
}

Result<Json> Equal(Arguments arguments) {
  if (arguments.size() < 2) return Wrong("eq wants two values");
  for (const Json& other : arguments.subspan(1)) {
    if (arguments[0] == other) return Json(true);
  }
  return Json(false);
}

Result<Json> NotEqual(Arguments arguments) {
  if (arguments.size() != 2) return Wrong("ne wants two values");
  return Json(arguments[0] != arguments[1]);
}

template <typename Compare>
Result<Json> CompareTwo(Arguments arguments) {
  if (arguments.size() != 2) return Wrong("a comparison wants two values");
  bool comparable = (arguments[0].is_number() && arguments[1].is_number()) ||
                    (arguments[0].is_string() && arguments[1].is_string());
  if (!comparable) {
    return Wrong(
        fmt::format("cannot compare '{}' with '{}'", Printed(arguments[0]), Printed(arguments[1])));
  }
  return Json(Compare()(arguments[0], arguments[1]));
}

Result<Json> And(Arguments arguments) {
  for (const Json& value : arguments) {
    if (!IsTrue(value)) return value;
  }
  return arguments.empty() ? Wrong("and wants values") : Result<Json>(arguments.back());
}

Result<Json> Or(Arguments arguments) {
  for (const Json& value : arguments) {
    if (IsTrue(value)) return value;
  }
  return arguments.empty() ? Wrong("or wants values") : Result<Json>(arguments.back());
}

Result<Json> Not(Arguments arguments) {
  if (arguments.size() != 1) return Wrong("not wants one value");
  return Json(!IsTrue(arguments[0]));
}

struct NamedFunction {
  std::string_view name;
  Function function;
  bool passes_header_through = false;
};

constexpr std::array<NamedFunction, 23> kFunctions = {{
    {"json", ToJson, true},
    {"join", Join, true},
    {"split", SplitText, true},
    {"lower", Lower, true},
    {"upper", Upper, true},
    {"title", Title, true},
    {"truncate", Truncate, true},
    {"pad", Pad},
    {"index", Index, true},
    {"len", Length, true},
    {"slice", Slice, true},
    {"print", Print},
    {"printf", Printf},
    {"println", Println},
    {"eq", Equal},
    {"ne", NotEqual},
    {"lt", CompareTwo<std::less<>>},
    {"le", CompareTwo<std::less_equal<>>},
    {"gt", CompareTwo<std::greater<>>},
    {"ge", CompareTwo<std::greater_equal<>>},
    {"and", And},
    {"or", Or},
    {"not", Not},
}};

const NamedFunction* Find(std::string_view name) {
  const auto* found = std::ranges::find(kFunctions, name, &NamedFunction::name);
  return found == kFunctions.end() ? nullptr : found;
}

}  // namespace

Function FindFunction(std::string_view name) {
  const NamedFunction* found = Find(name);
  return found == nullptr ? nullptr : found->function;
}

bool PassesHeaderThrough(std::string_view function) {
  const NamedFunction* found = Find(function);
  return found != nullptr && found->passes_header_through;
}

std::vector<std::string_view> FunctionNames() {
  std::vector<std::string_view> names;
  for (const NamedFunction& entry : kFunctions) names.push_back(entry.name);
  return names;
}

bool IsTrue(const Json& value) {
  switch (value.type()) {
    case Json::value_t::boolean: return value.get<bool>();
    case Json::value_t::string: return !value.get_ref<const std::string&>().empty();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return value.get<int64_t>() != 0;
    case Json::value_t::number_float: return value.get<double>() != 0;
    default: return !value.empty();
  }
}

std::string Printed(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<no value>";
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const Json& part : value) parts.push_back(Printed(part));
    return fmt::format("[{}]", hoy::Join(parts, " "));
  }
  if (value.is_object()) {
    std::vector<std::string> parts;
    for (const auto& [key, part] : value.items()) {
      parts.push_back(fmt::format("{}:{}", key, Printed(part)));
    }
    std::ranges::sort(parts);
    return fmt::format("map[{}]", hoy::Join(parts, " "));
  }
  return CompactJson(value);
}

}  // namespace hoy::cli::detail
