// Template text -> nodes.

#include <cctype>
#include <optional>

#include "cli/ui/parser.h"
#include "cli/ui/template_body.h"
#include "core/base/text.h"

namespace hoy::cli::detail {
namespace {

struct Token {
  enum class Kind { kEnd, kWord, kField, kDot, kVariable, kText, kNumber, kSign };
  Kind kind = Kind::kEnd;
  std::string text;         // the word, the field without its dot, the sign
  bool after_space = true;  // ".a .b" is two operands and ".a.b" one
};

constexpr int kDeepest = 100;  // parentheses or {{if}}s in one another

Error Mistake(std::string message) {
  return MakeError(ErrorKind::kInvalidArgument, "template: " + std::move(message));
}

bool IsWordCharacter(char c) {
  return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::optional<std::string> Unquote(std::string_view text, size_t* at) {
  char quote = text[*at];
  std::string value;
  for (size_t i = *at + 1; i < text.size(); ++i) {
    if (text[i] == quote) {
      *at = i + 1;
      return value;
    }
    if (quote == '`' || text[i] != '\\') {
      value += text[i];
      continue;
    }
    if (++i == text.size()) break;
    switch (text[i]) {
      case 'n': value += '\n'; break;
      case 't': value += '\t'; break;
      case 'r': value += '\r'; break;
      default: value += text[i];
    }
  }
  return std::nullopt;
}

Result<std::vector<Token>> Tokenize(std::string_view action) {
  std::vector<Token> tokens;
  size_t at = 0;
  bool after_space = true;
  auto take_word = [&](size_t from) {
    size_t end = from;
    while (end < action.size() && IsWordCharacter(action[end])) ++end;
    at = end;
    return std::string(action.substr(from, end - from));
  };
  while (at < action.size()) {
    char c = action[at];
    Token token{.after_space = after_space};
    after_space = false;
    if (isspace(static_cast<unsigned char>(c)) != 0) {
      after_space = true;
      ++at;
      continue;
    }
    bool negative = c == '-' && at + 1 < action.size() && isdigit(action[at + 1]) != 0;
    if (c == '.') {
      token.text = take_word(at + 1);
      token.kind = token.text.empty() ? Token::Kind::kDot : Token::Kind::kField;
    } else if (c == '$') {
      token.text = "$" + take_word(at + 1);
      token.kind = Token::Kind::kVariable;
    } else if (c == '"' || c == '`') {
      auto value = Unquote(action, &at);
      if (!value) return Fail(Mistake(fmt::format("a quote is not closed in '{}'", action)));
      token.text = *value;
      token.kind = Token::Kind::kText;
    } else if (isdigit(static_cast<unsigned char>(c)) != 0 || negative) {
      size_t end = action.find_first_not_of("0123456789.", at + 1);
      token.text = action.substr(at, end - at);
      at = std::min(end, action.size());
      token.kind = Token::Kind::kNumber;
    } else if (IsWordCharacter(c)) {
      token.text = take_word(at);
      token.kind = Token::Kind::kWord;
    } else if (std::string_view("|()=,:").find(c) != std::string_view::npos) {
      size_t length = action.substr(at).starts_with(":=") ? 2 : 1;
      token.text = action.substr(at, length);
      token.kind = Token::Kind::kSign;
      at += length;
    } else {
      return Fail(Mistake(fmt::format("unexpected '{}' in '{}'", c, action)));
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// The tokens of one action: a keyword and a pipeline.
class ActionParser {
 public:
  ActionParser(std::string_view action, std::vector<Token> tokens)
      : action_(action), tokens_(std::move(tokens)) {}

  // The keyword if the action begins with one, which is consumed.
  std::string TakeKeyword() {
    if (Peek().kind != Token::Kind::kWord) return "";
    for (std::string_view keyword : {"if", "else", "end", "range", "with", "define", "template",
                                     "block", "break", "continue"}) {
      if (Peek().text == keyword) return tokens_[next_++].text;
    }
    return "";
  }

  bool AtEnd() const { return next_ == tokens_.size(); }
  std::string_view action() const { return action_; }

  Result<Pipeline> ParsePipeline(bool nested = false) {
    if (nested && ++depth_ > kDeepest) return Fail(Mistake("too many parentheses"));
    Pipeline pipeline;
    TRY(ParseVariables(pipeline));
    while (true) {
      TRY(CommandNode command, ParseCommand());
      pipeline.commands.push_back(std::move(command));
      if (AtEnd() || IsSign(")")) break;
      ++next_;  // the pipe
    }
    if (nested != IsSign(")")) return Fail(Mistake(Unbalanced()));
    if (nested) {
      ++next_;
      --depth_;
    }
    return pipeline;
  }

 private:
  const Token& Peek(size_t ahead = 0) const {
    static const Token kNone;
    return next_ + ahead < tokens_.size() ? tokens_[next_ + ahead] : kNone;
  }
  bool IsSign(std::string_view sign, size_t ahead = 0) const {
    return Peek(ahead).kind == Token::Kind::kSign && Peek(ahead).text == sign;
  }
  std::string Unbalanced() const {
    return fmt::format("a parenthesis is not closed or too many in '{}'", action_);
  }

  Result<> ParseVariables(Pipeline& pipeline) {
    size_t count = 0;
    if (Peek().kind != Token::Kind::kVariable) return {};
    if (IsSign(":=", 1) || IsSign("=", 1)) count = 1;
    if (IsSign(",", 1) && Peek(2).kind == Token::Kind::kVariable && IsSign(":=", 3)) count = 2;
    if (count == 0) return {};
    for (size_t i = 0; i < count; ++i) pipeline.variables.push_back(Peek(2 * i).text);
    next_ += 2 * count - 1;
    pipeline.declares = Peek().text == ":=";
    ++next_;
    return {};
  }

  Result<CommandNode> ParseCommand() {
    CommandNode command;
    while (!AtEnd() && !IsSign("|") && !IsSign(")")) {
      TRY(Operand operand, ParseOperand());
      command.words.push_back(std::move(operand));
    }
    if (command.words.empty()) {
      return Fail(Mistake(fmt::format("a value is missing in '{{{{{}}}}}'", action_)));
    }
    return command;
  }

  Result<Operand> ParseOperand() {
    Token token = tokens_[next_++];
    Operand operand;
    switch (token.kind) {
      case Token::Kind::kDot: break;
      case Token::Kind::kField: operand.fields.push_back(token.text); break;
      case Token::Kind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = token.text;
        break;
      case Token::Kind::kText: SetLiteral(operand, token.text); break;
      case Token::Kind::kNumber: {
        if (auto whole = ParseInteger<int64_t>(token.text)) {
          SetLiteral(operand, *whole);
        } else {
          SetLiteral(operand, strtod(token.text.c_str(), nullptr));
        }
        break;
      }
      case Token::Kind::kWord: TRY(ParseWord(token.text, operand)); break;
      default:
        if (token.text != "(") {
          return Fail(Mistake(fmt::format("unexpected '{}' in '{}'", token.text, action_)));
        }
        operand.kind = Operand::Kind::kPipeline;
        TRY(Pipeline inner, ParsePipeline(/*nested=*/true));
        operand.inner = std::make_shared<Pipeline>(std::move(inner));
    }
    while (Peek().kind == Token::Kind::kField && !Peek().after_space) {
      operand.fields.push_back(tokens_[next_++].text);
    }
    return operand;
  }

  Result<> ParseWord(const std::string& word, Operand& operand) {
    if (word == "true" || word == "false") return SetLiteral(operand, word == "true"), Result<>();
    if (word == "nil") return SetLiteral(operand, nullptr), Result<>();
    if (FindFunction(word) == nullptr) {
      std::vector<std::string_view> known = FunctionNames();
      std::string_view nearest = NearestName(word, known);
      std::string hint = fmt::format("functions are {}", Join(known, ", "));
      if (!nearest.empty()) hint = fmt::format("did you mean {}?", nearest);
      if (isupper(static_cast<unsigned char>(word[0])) != 0) {
        hint = fmt::format("fields begin with a dot: .{}", word);
      }
      return Fail(Mistake(fmt::format("there is no function '{}'", word)).WithHint(hint));
    }
    operand.kind = Operand::Kind::kFunction;
    operand.name = word;
    return {};
  }

  static void SetLiteral(Operand& operand, Json value) {
    operand.kind = Operand::Kind::kLiteral;
    operand.literal = std::move(value);
  }

  std::string_view action_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
};

// The whole text: pieces of plain text and actions, nested by if, range and with.
class BodyParser {
 public:
  explicit BodyParser(std::string_view text) : rest_(text) {}

  Result<TemplateBody> Parse() {
    TemplateBody body;
    TRY(std::string stopped_at, ParseNodes(body.nodes));
    if (!stopped_at.empty()) {
      return Fail(Mistake(fmt::format("{{{{{}}}}} without an if, range or with", stopped_at)));
    }
    return body;
  }

 private:
  // Reads nodes until {{end}} or {{else...}}, which is returned, or the end of the text ("").
  Result<std::string> ParseNodes(std::vector<Node>& nodes) {
    while (!rest_.empty()) {
      size_t open = rest_.find("{{");
      AppendText(nodes, rest_.substr(0, open),
                 open != std::string_view::npos && rest_.substr(open).starts_with("{{- "));
      if (open == std::string_view::npos) break;
      TRY(std::string_view action, TakeAction(open));
      if (action.starts_with("/*")) continue;
      TRY(auto tokens, Tokenize(action));
      ActionParser parser(action, std::move(tokens));
      std::string keyword = parser.TakeKeyword();
      if (keyword == "end") return keyword;
      if (keyword == "else") {
        else_ = parser;
        return keyword;
      }
      TRY(Node node, ParseNode(keyword, parser));
      nodes.push_back(std::move(node));
    }
    rest_ = {};
    return std::string();
  }

  Result<Node> ParseNode(const std::string& keyword, ActionParser& parser) {
    Node node;
    if (keyword.empty()) {
      node.kind = Node::Kind::kPrint;
    } else if (keyword == "if") {
      node.kind = Node::Kind::kIf;
    } else if (keyword == "range") {
      node.kind = Node::Kind::kRange;
    } else if (keyword == "with") {
      node.kind = Node::Kind::kWith;
    } else {
      return Fail(Mistake(fmt::format("'{}' is not supported", keyword)));
    }
    TRY(node.pipeline, parser.ParsePipeline());
    if (node.kind == Node::Kind::kPrint) return node;
    if (++depth_ > kDeepest) return Fail(Mistake("too many actions in one another"));
    TRY(std::string stopped_at, ParseNodes(node.body));
    // A view: of the string itself GCC 12 says in vain that it may be uninitialized.
    if (std::string_view(stopped_at) == "else") {
      ActionParser branch = *else_;
      std::string chained = branch.TakeKeyword();  // "else if", "else with"
      if (!chained.empty()) {
        TRY(Node inner, ParseNode(chained, branch));  // takes the one {{end}} of the chain
        node.otherwise.push_back(std::move(inner));
        --depth_;
        return node;
      }
      TRY(stopped_at, ParseNodes(node.otherwise));
    }
    if (stopped_at != "end") {
      return Fail(Mistake(fmt::format("{{{{{}}}}} has no {{{{end}}}}", parser.action())));
    }
    --depth_;
    return node;
  }

  // The text between {{ and }}, without trim markers; `rest_` moves behind it.
  Result<std::string_view> TakeAction(size_t open) {
    std::string_view from = rest_.substr(open + 2);
    char quote = 0;
    bool in_comment = from.starts_with("/*") || from.starts_with("- /*");
    size_t start = in_comment ? std::min(from.find("*/"), from.size()) : 0;
    for (size_t i = start; i < from.size(); ++i) {
      if (quote != 0) {
        if (from[i] == '\\' && quote == '"')
          ++i;
        else if (from[i] == quote)
          quote = 0;
      } else if (!in_comment && (from[i] == '"' || from[i] == '`')) {
        quote = from[i];
      } else if (from.substr(i).starts_with("}}")) {
        std::string_view action = from.substr(0, i);
        rest_ = from.substr(i + 2);
        if (action.starts_with("- ")) action.remove_prefix(2);
        if (action.ends_with(" -")) {
          action.remove_suffix(2);
          rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
        }
        return Trim(action);
      }
    }
    return Fail(Mistake(fmt::format("'{{{{' is not closed: '{}'", rest_.substr(open))));
  }

  static void AppendText(std::vector<Node>& nodes, std::string_view text, bool trim_end) {
    if (trim_end) text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    if (text.empty()) return;
    Node node;
    node.text = text;
    nodes.push_back(std::move(node));
  }

  std::string_view rest_;
  std::optional<ActionParser> else_;
  int depth_ = 0;
};

}  // namespace

Result<TemplateBody> ParseTemplate(std::string_view text) {
  return BodyParser(text).Parse();
}

}  // namespace hoy::cli::detail
