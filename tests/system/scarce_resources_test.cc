// hoy itself has too little of something: what it cannot see is not gone.

#include <fmt/core.h>

#include <filesystem>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class ScarceResources : public ImageSandbox {};

// As cron and some CI agents start programs. A free number must not become one of hoy's own.
TEST_F(ScarceResources, ClosedStandardStreamsAreEmptyOnes) {
  for (const char* closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    for (const char* verb : {"run -i --rm", "exec -i one"}) {
      const bool runs = std::string_view(verb).starts_with("run");
      if (!runs) StartSleeper({"--name", "one"});
      Command hoy = Hoy({});
      const std::string script =
          fmt::format("exec \"$0\" {} {} cat {}", verb, runs ? Busybox() : "", closed);
      hoy.argv.insert(hoy.argv.begin(), {"sh", "-c", script});
      const Output output = RunCommand(hoy);
      EXPECT_EQ(output.code, 0) << verb << " " << closed << output;
      if (!runs) RunOk({"rm", "-f", "one"});
    }
  }
}

#if HOY_STATIC_BUILD  // as it is shipped: shared libraries and a sanitizer need some, too

// With too few descriptors it cannot tell whether a process lives.
TEST_F(ScarceResources, WithoutDescriptorsALivingContainerIsNotTakenForDead) {
  const std::string id = StartSleeper({"--name", "one"});
  const std::string facts = "{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}}";
  const std::string before = RunOk({"inspect", "--format", facts, "one"});
  for (int limit = 3; limit < 24; ++limit) {
    for (const std::vector<std::string>& verb :
         {std::vector<std::string>{"ps", "-q", "--no-trunc"},
          {"inspect", "--format", "{{.State.Status}}", "one"},
          {"exec", "one", "true"},
          {"start", "one"},
          {"wait", "--timeout", "0", "one"}}) {
      Command hoy = Hoy(verb);
      hoy.argv.insert(hoy.argv.begin(), {"prlimit", fmt::format("--nofile={}", limit)});
      const Output output = RunCommand(hoy);
      EXPECT_NE(output.out, "exited\n") << limit;
      if (output.code != 0) {
        EXPECT_NE(output.err, "") << verb[0] << limit << output;
      } else if (verb[0] == "ps") {
        EXPECT_EQ(output.out, id + "\n") << limit << output;
      }
      ASSERT_EQ(RunOk({"inspect", "--format", facts, "one"}), before)
          << verb[0] << " with " << limit << " descriptors" << output;
    }
  }
  EXPECT_EQ(RunOk({"exec", "one", "echo", "still"}), "still");
  RunOk({"rm", "-f", "one"});
}

TEST_F(ScarceResources, ARunWithoutDescriptorsSaysSoAndLeavesNothing) {
  for (int limit = 3; limit < 24; ++limit) {
    Command hoy = Hoy({"run", "--rm", Busybox(), "true"});
    hoy.argv.insert(hoy.argv.begin(), {"prlimit", fmt::format("--nofile={}", limit)});
    const Output output = RunCommand(hoy);
    if (output.code == 0) continue;
    EXPECT_EQ(output.code, 125) << limit << output;
    EXPECT_NE(output.err.find("Too many open files"), std::string::npos) << limit << output;
    EXPECT_EQ(RunOk({"ps", "-aq"}), "") << limit << output;
  }
}

// It is either gone with all that was its own, or still there for the next command.
TEST_F(ScarceResources, AForcedRemovalWithoutDescriptorsForgetsNothing) {
  for (int limit = 3; limit < 20; ++limit) {
    const std::string id = StartSleeper({"--name", "one"});
    const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", "one"});
    Command hoy = Hoy({"rm", "-f", "one"});
    hoy.argv.insert(hoy.argv.begin(), {"prlimit", fmt::format("--nofile={}", limit)});
    const Output output = RunCommand(hoy);
    const std::string listed = RunOk({"ps", "-aq", "--no-trunc"});
    if (output.code == 0) {
      EXPECT_EQ(listed, "") << limit << output;
      EXPECT_FALSE(std::filesystem::exists("/proc/" + pid)) << limit << output;
    } else if (listed.empty()) {
      // All that failed is to delete its files, which are aside already: the next rm goes on.
      EXPECT_FALSE(Lives(std::stoi(pid))) << limit << output;
      RunOk({"rm", "-f", "one"});
      EXPECT_EQ(ListNames(data() + "/containers").size(), 0u) << limit << output;
    } else {
      EXPECT_EQ(listed, id) << limit << output;
      RunOk({"rm", "-f", "one"});
    }
  }
}

#endif

}  // namespace
}  // namespace hoy::test
