#pragma once
// A parsed template. Private to template*.cc.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/ui/template.h"

namespace hoy::cli::detail {

struct Pipeline;

// One word of a command: ".Config.Env", "$x.Name", "\"text\"", "(...)", "json".
struct Operand {
  enum class Kind { kDot, kVariable, kLiteral, kPipeline, kFunction };
  Kind kind = Kind::kDot;
  std::string name;                 // of the variable ("$" is the whole data) or function
  Json literal;                     // kLiteral
  std::shared_ptr<Pipeline> inner;  // kPipeline
  std::vector<std::string> fields;  // the chain after it
};

struct CommandNode {
  std::vector<Operand> words;
};

struct Pipeline {
  std::vector<std::string> variables;  // "$i, $v := ..."
  bool declares = false;               // := rather than =
  std::vector<CommandNode> commands;
};

struct Node {
  enum class Kind { kText, kPrint, kIf, kRange, kWith };
  Kind kind = Kind::kText;
  std::string text;
  Pipeline pipeline;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

struct TemplateBody {
  std::vector<Node> nodes;
};

Result<TemplateBody> ParseTemplate(std::string_view text);

// Functions. nullptr: no such function.
using Arguments = std::span<const Json>;
using Function = Result<Json> (*)(Arguments arguments);
Function FindFunction(std::string_view name);
std::vector<std::string_view> FunctionNames();

bool IsTrue(const Json& value);          // Go's truth: not zero, not empty
std::string Printed(const Json& value);  // as {{.}} prints it
bool PassesHeaderThrough(std::string_view function);

}  // namespace hoy::cli::detail
