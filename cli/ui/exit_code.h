#pragma once
// Errors -> exit codes, cli.md "Exit codes". Decided from kind, stage and errno, never from text.

#include "core/base/error.h"

namespace hoy::cli {

constexpr int kExitNoSuchObject = 1;
constexpr int kExitTimeout = 124;
constexpr int kExitFailed = 125;     // hoy itself failed, or the command line is wrong
constexpr int kExitCannotRun = 126;  // the command was found and cannot be run
constexpr int kExitNoSuchCommand = 127;
constexpr int kExitInterrupted = 130;  // 128 + SIGINT

// `runs_command`: the verb is run, create or exec, whose codes are also the container's own, so
// that a missing container or image there is 125.
int ExitCodeOf(const Error& error, bool runs_command);

}  // namespace hoy::cli
