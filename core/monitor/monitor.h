#pragma once
// The whole life of hoy-monitor.

namespace hoy::core {

// kStart: clone -> join cgroups -> publish -> release the child -> tell hoy -> pump until the init
// is gone -> drain -> publish the exit -> clean-up. kAdopt begins at the pump. kDirect guards a
// session of exec instead (exec_guard.h). `name` is argv[0]. Returns the exit code of the program.
int MonitorMain(char* name);

}  // namespace hoy::core
