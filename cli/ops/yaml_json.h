#pragma once
// YAML as JSON, for files that may be either.

#include <string_view>

#include "cli/ui/template.h"
#include "core/base/result.h"

namespace hoy::cli {

// One document without aliases. Plain scalars are null, booleans, integers (0x1f, 0o17, and 017 as
// YAML 1.1 has it) or text; what is quoted is text. kCorrupt, with the line: it is no YAML, is
// nested too deep, or a key comes twice.
Result<Json> ParseYaml(std::string_view text);

}  // namespace hoy::cli
