#pragma once
// What run and create have in common: the flags of a new container, and making it.

#include "cli/ops/run_options.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"

namespace hoy::cli {

class ContainerCommand : public Command {
 protected:
  explicit ContainerCommand(const CommandInfo& info);

  // Finds or pulls the image, decides the config, and makes the container (with a random name when
  // none was given). Warnings and pull progress go to stderr.
  Result<core::ContainerRecord> Make(Context& context);

  // The record without anything on disk, for --explain.
  Result<core::ContainerRecord> Plan(Context& context);

  RunOptions options_;

 private:
  void AddProcessFlags();
  void AddObjectFlags();
  void AddIsolationFlags();
  void AddFileFlags();
  void AddLimitFlags();
};

}  // namespace hoy::cli
