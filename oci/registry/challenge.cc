#include "oci/registry/challenge.h"

#include <algorithm>

#include "core/base/text.h"

namespace hoy::oci {
namespace {

// RFC 9110 section 5.6.2, tchar.
bool IsTokenByte(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken68Byte(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != '\0' && std::string_view("-._~+/").find(c) != std::string_view::npos;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<Challenge> Run() {
    std::vector<Challenge> challenges;
    while (true) {
      SkipSeparators();
      if (AtEnd()) return challenges;
      std::string_view scheme = Token();
      if (scheme.empty()) {
        SkipToComma();
        continue;
      }
      Challenge challenge{.scheme = ToLower(scheme)};
      SkipSpaces();
      if (!SkipToken68()) Parameters(&challenge);
      challenges.push_back(std::move(challenge));
    }
  }

 private:
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  void SkipSpaces() {
    while (Peek() == ' ' || Peek() == '\t') ++at_;
  }
  void SkipSeparators() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == ',') ++at_;
  }
  void SkipToComma() {
    while (!AtEnd() && Peek() != ',') ++at_;
  }
  std::string_view Token() {
    size_t start = at_;
    while (!AtEnd() && IsTokenByte(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  // "Negotiate YII=": credentials in one lump that no registry scheme uses.
  bool SkipToken68() {
    size_t start = at_;
    while (!AtEnd() && IsToken68Byte(text_[at_])) ++at_;
    bool some = at_ > start;
    while (Peek() == '=') ++at_;
    SkipSpaces();
    if (some && (AtEnd() || Peek() == ',')) return true;
    at_ = start;
    return false;
  }

  // name=value pairs up to the end, or up to a token without "=": the next challenge's scheme.
  void Parameters(Challenge* challenge) {
    while (true) {
      SkipSeparators();
      size_t start = at_;
      std::string_view name = Token();
      SkipSpaces();
      if (name.empty() || Peek() != '=') {
        at_ = start;
        if (name.empty() && !AtEnd()) {
          SkipToComma();
          continue;
        }
        return;
      }
      ++at_;
      SkipSpaces();
      challenge->parameters.insert_or_assign(ToLower(name), Value());
    }
  }

  std::string Value() {
    if (Peek() != '"') {
      // Some registries leave URLs unquoted; a strict token would stop at "https:".
      size_t start = at_;
      while (!AtEnd() && Peek() != ',' && Peek() != ' ' && Peek() != '\t') ++at_;
      return std::string(text_.substr(start, at_ - start));
    }
    ++at_;
    std::string value;
    while (!AtEnd() && Peek() != '"') {
      if (Peek() == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    if (!AtEnd()) ++at_;
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string Challenge::Parameter(std::string_view name) const {
  auto found = parameters.find(std::string(name));
  return found == parameters.end() ? std::string() : found->second;
}

std::vector<Challenge> ParseChallenges(std::string_view header) {
  return Parser(header).Run();
}

}  // namespace hoy::oci
