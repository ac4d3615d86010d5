#pragma once
// A regular expression that a person gave, to be looked for in lines: POSIX extended (regex(7)).

#include <memory>
#include <string_view>

#include "core/base/result.h"

namespace hoy::cli {

class LinePattern {
 public:
  // kInvalidArgument: what is wrong with it.
  static Result<LinePattern> Compile(std::string_view expression);

  // Anywhere in the line, which may hold any bytes.
  bool Matches(std::string_view line) const;

 private:
  struct Compiled;
  explicit LinePattern(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace hoy::cli
