#pragma once
// How a pull looks: oci::ProgressSink as lines on a terminal, in a log, or as JSON. All of it goes
// to stderr; the caller prints the result on stdout.

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/ops/pull_options.h"
#include "oci/registry/progress.h"

namespace hoy::cli {

struct ProgressStyle {
  ProgressMode mode = ProgressMode::kAuto;  // kAuto is settled by MakePullProgress
  bool color = false;                       // of the live display; NO_COLOR has been minded
  int columns = 0;                          // 0: ask the terminal, then COLUMNS, then 80
};

// Writes to `stream`, which must outlive the result. kAuto: live when `stream` is a terminal and
// TERM is not "dumb", else plain.
std::unique_ptr<oci::ProgressSink> MakePullProgress(FILE* stream, const ProgressStyle& style);

// "auto", "live" (or docker's "tty"), "plain", "json" (or "rawjson"), "none" (or "quiet");
// nullopt: no such mode.
std::optional<ProgressMode> ParseProgressMode(std::string_view text);

// "2f21cb: Downloading [=====>    ]  12.3MB/45.6MB", cut to `columns`.
std::string LayerLine(const oci::LayerProgress& layer, int columns);

}  // namespace hoy::cli
