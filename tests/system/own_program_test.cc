// hoy-monitor is executed inside a container's namespaces before it becomes the container's own
// program. A container that gets hold of it then must not be able to overwrite it on the host
// (CVE-2019-5736, which this once was in runc).

#include <fmt/format.h>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class OwnProgram : public ImageSandbox {
 protected:
  // Execs `command` until the watcher in the container has seen a process of hoy's.
  void ExpectRefusal(const std::string& command) {
    StartSleeper({"--name", "one", "-v", HOY_EXE_ATTACK ":/attack:ro"});
    RunOk({"exec", "one", "sh", "-c", "echo '#!/proc/self/exe' >/script; chmod 755 /script"});
    Background watcher(Hoy({"exec", "one", "/attack"}));
    ASSERT_TRUE(watcher.WaitForOut("watching\n"));
    EXPECT_TRUE(Eventually([&] {
      Run({"exec", "one", command});
      return !watcher.Running();
    }));
    const Output output = watcher.Finish();
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out, "watching\nrefused: Read-only file system\n");
  }
};

TEST_F(OwnProgram, CannotBeWrittenToThroughAScriptThatNamesItAsInterpreter) {
  ExpectRefusal("/script");
}

// It may be looked at from the moment it has only the container's capabilities.
TEST_F(OwnProgram, CannotBeWrittenToThroughAProcessThatIsAboutToExec) {
  ExpectRefusal("true");
}

}  // namespace
}  // namespace hoy::test
