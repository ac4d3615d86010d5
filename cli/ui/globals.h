#pragma once
// The flags before the verb: `hoy --root DIR ps`.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/ui/command.h"
#include "cli/ui/context.h"

namespace hoy::cli {

// Shaped as a command so that the parser, help, man page and completion treat them alike. Its one
// positional is the verb with all that follows.
class Globals final : public Command {
 public:
  Globals();
  Result<int> Run(Context&) override { return 0; }

  std::optional<std::string> root;
  std::optional<std::string> run_root;
  ColorPolicy color = ColorPolicy::kAuto;
  ErrorFormat error_format = ErrorFormat::kText;
  int64_t error_fd = -1;  // hidden: the error is written there as JSON (ops/spawn_pull.h)
  bool version = false;
  std::vector<std::string> words;  // the verb and what follows
};

}  // namespace hoy::cli
