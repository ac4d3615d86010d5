#pragma once
// What run and create have in common: the flags of a new container, and making it.

#include <optional>

#include "cli/ops/limit_flags.h"
#include "cli/ops/run_options.h"
#include "cli/ui/command.h"
#include "core/engine/session.h"
#include "core/state/container_record.h"
#include "core/state/secrets.h"

namespace hoy::cli {

class ContainerCommand : public LimitedCommand {
 protected:
  explicit ContainerCommand(const CommandInfo& info);

  // Finds or pulls the image, decides the config, and makes the container (with a random name when
  // none was given). Warnings and pull progress go to stderr. From the container's first file on,
  // signals wait: for the session, which passes them on, or for this command's end.
  Result<core::ContainerRecord> Make(Context& context);

  // The record without anything on disk, for --explain.
  Result<core::ContainerRecord> Plan(Context& context);

  RunOptions options_;

 private:
  // --cidfile, and where the report goes.
  Result<> WriteObjectFiles(Context& context, const std::string& id);

  void AddProcessFlags();
  void AddObjectFlags();
  void AddHealthFlags();
  void AddIsolationFlags();
  void AddFileFlags();
  void AddResourceFlags();

  std::vector<core::SecretFile> secrets_;  // as Plan found them
  std::optional<core::BlockedSignals> signals_;
};

}  // namespace hoy::cli
