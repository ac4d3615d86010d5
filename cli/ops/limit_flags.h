#pragma once
// The flags for what a container may use: one list for run, create and update.

#include "cli/ops/run_options.h"
#include "cli/ui/command.h"

namespace hoy::cli {

class LimitedCommand : public Command {
 protected:
  explicit LimitedCommand(const CommandInfo& info) : Command(info) {}

  void AddLimitFlags(RunOptions& options);
};

}  // namespace hoy::cli
