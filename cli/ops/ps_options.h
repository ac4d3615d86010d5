#pragma once
// What follows the container on the command line of `hoy top`: options of ps(1), or the names of
// columns as `podman top` takes them. Pure.

#include <span>
#include <string>
#include <vector>

#include "cli/ops/ps_columns.h"
#include "core/base/result.h"

namespace hoy::cli {

struct PsChoice {
  const PsColumn* column = nullptr;
  std::string title;
};

struct PsSortKey {
  const PsColumn* column = nullptr;
  bool descending = false;
};

// Children below their parents: as a drawing (--forest, f), or moved to the right (-H).
enum class PsTree { kNone, kForest, kIndented };

struct PsRequest {
  std::vector<PsChoice> columns;
  std::vector<PsSortKey> sort;
  bool headers = true;
  bool threads = false;  // a row for each
  PsTree tree = PsTree::kNone;
  bool inner_pids = false;  // PsView
};

// Nothing: the columns of `ps -ef`. Options that choose processes (-e -A a x) change nothing, since
// all of the container's are shown. kInvalidArgument: anything else.
Result<PsRequest> ParsePsArguments(std::span<const std::string> arguments);

}  // namespace hoy::cli
