// Nodes + data -> text.

#include "cli/ui/template.h"

#include <algorithm>
#include <array>

#include "cli/ui/parser.h"
#include "cli/ui/template_body.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace detail {
namespace {

// Fields whose keys the user chose: a missing key is no mistake there.
constexpr std::array<std::string_view, 11> kUserMaps = {
    "Labels",  "Annotations", "Ports",        "Networks", "Sysctls",   "Tmpfs",
    "Volumes", "Options",     "ExposedPorts", "Storage",  "Attributes"};

// Lists that are null in JSON when they have nothing: Go prints such a one as an empty list.
constexpr std::array<std::string_view, 15> kNullableLists = {
    "Cmd",     "Entrypoint", "ExecIDs", "CapAdd", "CapDrop",           "VolumesFrom",    "Links",
    "Aliases", "DNSNames",   "Binds",   "Mounts", "DeviceCgroupRules", "DeviceRequests", "OnBuild",
    "Shell"};

bool IsList(const Pipeline& pipeline) {
  const CommandNode& last = pipeline.commands.back();
  return last.words.size() == 1 && !last.words[0].fields.empty() &&
         std::ranges::find(kNullableLists, last.words[0].fields.back()) != kNullableLists.end();
}

Error Mistake(std::string message) {
  return MakeError(ErrorKind::kInvalidArgument, "template: " + std::move(message));
}

Error NoSuchField(const Json& object, std::string_view field, std::string_view path) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  std::ranges::sort(names);
  std::string_view nearest = NearestName(field, names);
  std::string hint = nearest.empty() ? fmt::format("fields are {}", Join(names, ", "))
                                     : fmt::format("did you mean .{}?", nearest);
  Error error = Mistake(fmt::format("there is no field '{}.{}'", path, field));
  error.subject = field;
  return std::move(error).WithHint(std::move(hint));
}

// `{{.Label "key"}}` in list templates: Labels is "a=1,b=2" there and an object elsewhere.
std::string LabelOf(const Json& row, std::string_view key) {
  auto labels = row.find("Labels");
  if (labels == row.end()) return "";
  if (labels->is_object()) return labels->value(std::string(key), "");
  if (!labels->is_string()) return "";
  for (std::string_view label : Split(labels->get_ref<const std::string&>(), ',')) {
    Cut cut = CutAt(label, '=');
    if (cut.before == key) return std::string(cut.after.value_or(""));
  }
  return "";
}

class Renderer {
 public:
  // `as_json`: what the function json makes of the whole data, if that is something else.
  Renderer(const Json& data, bool header, const Json* as_json)
      : data_(data), header_(header), as_json_(as_json) {}

  Result<> Render(std::span<const Node> nodes, const Json& dot) {
    size_t outer_variables = variables_.size();
    for (const Node& node : nodes) TRY(RenderNode(node, dot));
    variables_.resize(outer_variables);
    return {};
  }

  std::string TakeText() { return std::move(text_); }

 private:
  Result<> RenderNode(const Node& node, const Json& dot) {
    if (node.kind == Node::Kind::kText) {
      text_ += node.text;
      return {};
    }
    size_t outer_variables = variables_.size();
    if (node.kind == Node::Kind::kPrint) {
      TRY(Json value, Evaluate(node.pipeline, dot));
      if (node.pipeline.variables.empty()) {
        text_ += value.is_null() && IsList(node.pipeline) ? "[]" : Printed(value);
      }
      return {};
    }
    bool was_in_condition = std::exchange(in_condition_, node.kind != Node::Kind::kRange);
    auto evaluated = Evaluate(node.pipeline, dot);
    in_condition_ = was_in_condition;
    TRY(Json value, std::move(evaluated));
    if (node.kind == Node::Kind::kRange) {
      TRY(RenderRange(node, value, dot));
    } else {
      bool holds = IsTrue(value);
      const Json& inner = holds && node.kind == Node::Kind::kWith ? value : dot;
      TRY(Render(holds ? node.body : node.otherwise, inner));
    }
    variables_.resize(outer_variables);
    return {};
  }

  Result<> RenderRange(const Node& node, const Json& value, const Json& dot) {
    if (!value.is_structured() && !value.is_null()) {
      return Fail(Mistake(fmt::format("range wants a list, not '{}'", Printed(value))));
    }
    if (value.empty()) return Render(node.otherwise, dot);
    std::vector<std::pair<Json, const Json*>> items;
    if (value.is_array()) {
      for (const Json& item : value) items.emplace_back(items.size(), &item);
    } else {
      for (const auto& [key, item] : value.items()) items.emplace_back(key, &item);
      std::ranges::sort(items, {}, [](const auto& item) { return item.first; });  // as Go does
    }
    size_t outer_variables = variables_.size();
    for (const auto& [key, item] : items) {
      variables_.resize(outer_variables);
      const auto& names = node.pipeline.variables;
      if (names.size() == 1) variables_.emplace_back(names[0], *item);
      if (names.size() == 2) {
        variables_.emplace_back(names[0], key);
        variables_.emplace_back(names[1], *item);
      }
      TRY(Render(node.body, *item));
    }
    return {};
  }

  Result<Json> Evaluate(const Pipeline& pipeline, const Json& dot) {
    std::optional<Json> piped;
    for (const CommandNode& command : pipeline.commands) {
      TRY(piped, Evaluate(command, dot, std::move(piped)));
    }
    if (pipeline.variables.size() == 1) TRY(SetVariable(pipeline, *piped));
    return *std::move(piped);
  }

  Result<> SetVariable(const Pipeline& pipeline, const Json& value) {
    const std::string& name = pipeline.variables[0];
    if (pipeline.declares) {
      variables_.emplace_back(name, value);
      return {};
    }
    for (auto& variable : std::ranges::reverse_view(variables_)) {
      if (variable.first == name) return variable.second = value, Result<>();
    }
    return Fail(Mistake(fmt::format("there is no variable '{}'", name)));
  }

  Result<Json> Evaluate(const CommandNode& command, const Json& dot, std::optional<Json> piped) {
    const Operand& first = command.words.front();
    bool is_function = first.kind == Operand::Kind::kFunction;
    std::vector<Json> arguments;
    for (const Operand& word : std::span(command.words).subspan(1)) {
      TRY(Json value, Evaluate(word, dot));
      arguments.push_back(std::move(value));
    }
    if (piped) arguments.push_back(*std::move(piped));
    if (!is_function) {
      if (arguments.empty()) return Evaluate(first, dot);
      if (first.fields == std::vector<std::string>{"Label"} && arguments[0].is_string()) {
        const auto& key = arguments[0].get_ref<const std::string&>();
        if (header_) return Json(key);
        return Json(LabelOf(first.kind == Operand::Kind::kVariable ? data_ : dot, key));
      }
      return Fail(Mistake("a value cannot be called with arguments"));
    }
    if (header_ && PassesHeaderThrough(first.name) && !arguments.empty()) {
      for (const Json& argument : arguments) {
        if (argument.is_string() && IsTitle(argument)) return argument;
      }
      return arguments.back();
    }
    if (as_json_ != nullptr && first.name == "json" && arguments == std::vector<Json>{data_}) {
      arguments[0] = *as_json_;
    }
    return FindFunction(first.name)(arguments);
  }

  // Whether a text is one of the header's titles, and not a separator or a format.
  bool IsTitle(const Json& text) const {
    return std::ranges::any_of(data_, [&](const Json& title) { return title == text; });
  }

  Result<Json> Evaluate(const Operand& operand, const Json& dot) {
    switch (operand.kind) {
      case Operand::Kind::kLiteral: return Walk(operand.literal, operand.fields, "");
      case Operand::Kind::kDot: return Walk(dot, operand.fields, "");
      case Operand::Kind::kFunction: return FindFunction(operand.name)({});
      case Operand::Kind::kPipeline: {
        TRY(Json value, Evaluate(*operand.inner, dot));
        return Walk(value, operand.fields, "(...)");
      }
      case Operand::Kind::kVariable: break;
    }
    if (operand.name == "$") return Walk(data_, operand.fields, "$");
    for (const auto& [name, value] : std::ranges::reverse_view(variables_)) {
      if (name == operand.name) return Walk(value, operand.fields, name);
    }
    return Fail(Mistake(fmt::format("there is no variable '{}'", operand.name)));
  }

  Result<Json> Walk(const Json& from, std::span<const std::string> fields, std::string path) {
    const Json* value = &from;
    std::string_view parent;
    for (const std::string& field : fields) {
      if (value->is_null() && in_condition_) return Json();
      if (!value->is_object()) {
        return Fail(Mistake(fmt::format("'{}' has no fields, so there is no '.{}'",
                                        path.empty() ? "." : path, field)));
      }
      auto found = value->find(field);
      if (found == value->end()) {
        if (in_condition_ || std::ranges::find(kUserMaps, parent) != kUserMaps.end()) {
          return Json();
        }
        return Fail(NoSuchField(*value, field, path));
      }
      value = &*found;
      path.append(".").append(field);
      parent = field;
    }
    return *value;
  }

  const Json& data_;
  bool header_;
  const Json* as_json_;
  bool in_condition_ = false;
  std::string text_;
  std::vector<std::pair<std::string, Json>> variables_;
};

// Whether there is an operand like that, wherever.
template <typename Test>
bool HasOperand(const Pipeline& pipeline, const Test& test) {
  return std::ranges::any_of(pipeline.commands, [&](const CommandNode& command) {
    return std::ranges::any_of(command.words, [&](const Operand& word) {
      return test(word) || (word.inner != nullptr && HasOperand(*word.inner, test));
    });
  });
}

template <typename Test>
bool HasOperand(std::span<const Node> nodes, const Test& test) {
  return std::ranges::any_of(nodes, [&](const Node& node) {
    return HasOperand(node.pipeline, test) || HasOperand(node.body, test) ||
           HasOperand(node.otherwise, test);
  });
}

Result<std::string> RenderBody(const TemplateBody& body, const Json& data, bool header,
                               const Json* as_json = nullptr) {
  Renderer renderer(data, header, as_json);
  TRY(renderer.Render(body.nodes, data));
  return renderer.TakeText();
}

}  // namespace
}  // namespace detail

Result<Template> Template::Parse(std::string_view text) {
  TRY(detail::TemplateBody body, detail::ParseTemplate(text));
  Template parsed;
  parsed.body_ = std::make_shared<const detail::TemplateBody>(std::move(body));
  return parsed;
}

Result<std::string> Template::Render(const Json& data) const {
  return detail::RenderBody(*body_, data, /*header=*/false);
}

Result<std::string> Template::Render(const Json& data, const Json& as_json) const {
  return detail::RenderBody(*body_, data, /*header=*/false, &as_json);
}

Result<std::string> Template::RenderHeader(const Json& headers) const {
  return detail::RenderBody(*body_, headers, /*header=*/true);
}

bool Template::Mentions(std::string_view field) const {
  return detail::HasOperand(std::span(body_->nodes), [&](const detail::Operand& word) {
    return std::ranges::find(word.fields, field) != word.fields.end();
  });
}

bool Template::MentionsAll() const {
  using Kind = detail::Operand::Kind;
  return detail::HasOperand(std::span(body_->nodes), [](const detail::Operand& word) {
    bool whole = word.kind == Kind::kDot || (word.kind == Kind::kVariable && word.name == "$");
    return whole && word.fields.empty();
  });
}

std::string CompactJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hoy::cli
