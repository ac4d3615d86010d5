#include "cli/ops/line_pattern.h"

#include <regex.h>

#include <array>
#include <string>

namespace hoy::cli {

struct LinePattern::Compiled {
  regex_t regex{};
  bool compiled = false;

  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() {
    if (compiled) regfree(&regex);
  }
};

Result<LinePattern> LinePattern::Compile(std::string_view expression) {
  auto pattern = std::make_shared<Compiled>();
  std::string text(expression);
  int failed = regcomp(&pattern->regex, text.c_str(), REG_EXTENDED | REG_NOSUB);
  if (failed != 0) {
    std::array<char, 128> why{};
    regerror(failed, &pattern->regex, why.data(), why.size());
    return Fail(ErrorKind::kInvalidArgument, "'{}' is not a regular expression: {}", expression,
                why.data());
  }
  pattern->compiled = true;
  return LinePattern(std::move(pattern));
}

bool LinePattern::Matches(std::string_view line) const {
  // REG_STARTEND: no copy, and a NUL is a byte like any other.
  regmatch_t range{0, static_cast<regoff_t>(line.size())};
  return regexec(&compiled_->regex, line.data(), 0, &range, REG_STARTEND) == 0;
}

}  // namespace hoy::cli
