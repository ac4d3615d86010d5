// hoy-monitor: clones a container's first process, holds its exit code, keeps its log, and has it
// cleaned up. One per container, single-threaded, no heap, no library. Started by `hoy` with the
// descriptors of MonitorFd (core/init/plan.h) and no arguments.

#include "core/monitor/monitor.h"

int main(int, char** argv) {
  return hoy::core::MonitorMain(argv[0]);
}
