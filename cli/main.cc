// hoy, the light program.

#include <malloc.h>

#include "cli/ops/light/delegate.h"
#include "cli/ops/s3_volumes.h"
#include "cli/ui/program.h"
#include "core/engine/network_driver.h"
#include "core/engine/remote_volumes.h"
#include "net/attach/driver.h"

int main(int argc, char** argv) {
  // It is over in milliseconds: memory that goes back to the kernel in between comes again as page
  // faults.
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  hoy::core::UseRemoteVolumes(hoy::cli::SpawnedRemoteVolumes());
  hoy::core::UseNetworkDriver(hoy::net::Driver());
  return hoy::cli::RunProgram(
      argc, argv,
      {.program = hoy::cli::Program::kLight, .exec_heavy = &hoy::cli::ExecImageProgram});
}
