// hoy, the light program.

#include "cli/ops/light/delegate.h"
#include "cli/ui/program.h"

int main(int argc, char** argv) {
  return hoy::cli::RunProgram(
      argc, argv,
      {.program = hoy::cli::Program::kLight, .exec_heavy = &hoy::cli::ExecImageProgram});
}
