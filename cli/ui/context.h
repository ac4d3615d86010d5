#pragma once
// What a verb is given: where state lives, where text goes, and how the program was called.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ui/output.h"
#include "core/base/error.h"
#include "core/state/layout.h"

namespace hoy::cli {

enum class Program { kLight, kHeavy };  // hoy and hoy-image
enum class ColorPolicy { kAuto, kAlways, kNever };
enum class ErrorFormat { kText, kJson };

struct Terminal {
  bool stdin_is_terminal = false;
  bool stdout_is_terminal = false;
  bool stderr_is_terminal = false;
  int columns = 0;  // COLUMNS, else the width of the terminal on stdout, else 0: no limit

  static Terminal Detect();
};

struct Context {
  core::Layout layout;
  Output& out;  // data; flushed by the program after Run()
  Output& err;  // progress and diagnostics
  Terminal terminal;
  ColorPolicy color = ColorPolicy::kAuto;
  ErrorFormat error_format = ErrorFormat::kText;
  int error_fd = -1;  // >= 0: the final error goes there as JSON and is not printed
  Program program = Program::kLight;
  std::string spelling;              // the verb as typed: "ps", "container ls", "image inspect"
  bool runs_command = false;         // the verb is run, create or exec (exit_code.h)
  std::span<char* const> argv;       // the whole process's, from argv[0] on
  std::vector<std::string> globals;  // the global flags given, to start another hoy with the same

  bool ColorOnStdout() const;
  bool ColorOnStderr() const;

  // Prints one error on stderr in the format asked for. Verbs call it only for errors that do not
  // end them (`rm a b c`); the error that Run() returns is printed by the program.
  void Report(const Error& error);
  void Warn(std::string_view message);  // "hoy: warning: ..."
};

}  // namespace hoy::cli
