// hoy-image, the heavy program: the verbs that need registries, TLS and archives.

#include "cli/ops/s3_volumes.h"
#include "cli/ui/program.h"
#include "core/engine/network_driver.h"
#include "core/engine/remote_volumes.h"
#include "net/attach/driver.h"

int main(int argc, char** argv) {
  hoy::core::UseRemoteVolumes(hoy::cli::SpawnedRemoteVolumes());
  hoy::core::UseNetworkDriver(hoy::net::Driver());  // containers are healed here, too
  return hoy::cli::RunProgram(argc, argv, {.program = hoy::cli::Program::kHeavy});
}
