// hoy-image, the heavy program: the verbs that need registries, TLS and archives.

#include "cli/ui/program.h"

int main(int argc, char** argv) {
  return hoy::cli::RunProgram(argc, argv, {.program = hoy::cli::Program::kHeavy});
}
