#pragma once
// The life of one command line: global flags, the verb, its run, its error, the exit code.

#include <span>

#include "cli/ui/context.h"

namespace hoy::cli {

struct ProgramHooks {
  Program program = Program::kLight;
  // Becomes hoy-image with the same arguments; returns only to say why it could not. Used by the
  // light program for heavy verbs.
  Error (*exec_heavy)(std::span<char* const> argv) = nullptr;
};

int RunProgram(int argc, char** argv, const ProgramHooks& hooks);

}  // namespace hoy::cli
