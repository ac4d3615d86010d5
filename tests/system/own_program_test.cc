// hoy-monitor is executed inside a container's namespaces before it becomes the container's own
// program. A container that gets hold of it then must not be able to overwrite it on the host
// (CVE-2019-5736, which this once was in runc).

#include <fmt/core.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class OwnProgram : public ImageSandbox {
 protected:
  // What looks for a process of hoy's in the container, and ends when it has opened its program.
  Background Watch() {
    StartSleeper({"--name", "one", "-v", HOY_EXE_ATTACK ":/attack:ro"});
    RunOk({"exec", "one", "sh", "-c", "echo '#!/proc/self/exe' >/script; chmod 755 /script"});
    Background watcher(Hoy({"exec", "one", "/attack"}));
    EXPECT_TRUE(watcher.WaitForOut("watching\n"));
    return watcher;
  }
};

#if HOY_STATIC_BUILD  // another one needs a loader, which the image does not have
TEST_F(OwnProgram, CannotBeWrittenToThroughAScriptThatNamesItAsInterpreter) {
  Background watcher = Watch();
  EXPECT_TRUE(Eventually([&] {
    Run({"exec", "one", "/script"});
    return !watcher.Running();
  }));
  const Output output = watcher.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "watching\nrefused: Read-only file system\n");
}
#endif

// Only who has CAP_SYS_PTRACE may look at it there before it has executed something else.
TEST_F(OwnProgram, CannotBeOpenedThroughAProcessThatIsAboutToExec) {
  Background watcher = Watch();
  for (int i = 0; i < 20; ++i) RunOk({"exec", "one", "true"});
  EXPECT_TRUE(watcher.Running()) << watcher.Finish();
}

// A child of hoy that starts in the container's PID namespace is hoy's own file for anyone inside
// who may look at it, until it has executed something else. Only hoy-monitor's children start
// there.
TEST_F(OwnProgram, HoyItselfHasNoChildrenInTheContainer) {
  StartSleeper({"--name", "two"});
  Background exec(Hoy({"exec", "-i", "two", "sh", "-c", "echo up; cat"}));
  ASSERT_TRUE(exec.WaitForOut("up"));
  const std::string namespaces = fmt::format("/proc/{}/ns/", exec.pid());
  EXPECT_EQ(std::filesystem::read_symlink(namespaces + "pid_for_children"),
            std::filesystem::read_symlink(namespaces + "pid"));
  EXPECT_EQ(exec.Finish().code, 0);
}

}  // namespace
}  // namespace hoy::test
