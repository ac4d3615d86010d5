#pragma once
// `-f key=value`, many times: the same key is OR, different keys are AND, an unknown key is an
// error (cli.md "Tables and formats").

#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::cli {

class Filters {
 public:
  // kInvalidArgument: no '=', or a key that is not in `known`.
  static Result<Filters> Parse(std::span<const std::string> texts,
                               std::initializer_list<std::string_view> known);

  bool empty() const { return values_.empty(); }
  // The values given for a key, in order; empty when the key was not given.
  std::span<const std::string> Values(std::string_view key) const;
  // True when the key was not given or `matches` holds for one of its values.
  bool Match(std::string_view key,
             const std::function<bool(std::string_view value)>& matches) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace hoy::cli
