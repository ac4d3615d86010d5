// hoy, or its monitor, is killed at every place that changes something. Whatever is left: ps works,
// rm -f works, the same name can be used again, and nothing stays behind.

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class FailPointWalk : public ImageSandbox, public testing::WithParamInterface<std::string> {
 protected:
  Output RunDying(const std::vector<std::string>& arguments) const {
    Command command = Hoy(arguments);
    command.env["HOY_FAIL_POINT"] = GetParam();
    return RunCommand(command);
  }

  // What a person does next.
  void Recover(const std::string& what) const {
    SCOPED_TRACE(fmt::format("{} killed at {}", what, GetParam()));
    const Output list = Run({"ps", "-a"});
    EXPECT_EQ(list.code, 0) << list;
    const Output removed = Run({"rm", "-f", "one"});
    EXPECT_EQ(removed.code, 0) << removed;
    const Output again = Run({"run", "--rm", "--name", "one", Busybox(), "echo", "again"});
    EXPECT_EQ(again.code, 0) << again;
    EXPECT_EQ(again.out, "again\n") << again;
    // A container whose name was already taken away is still in the list, by id.
    for (const auto& id : ListNames(data() + "/containers")) RunOk({"rm", "-f", id});
    RunOk({"rm", "-f", "one"});
    std::vector<std::string> leaks;
    const SandboxTraces traces = Traces();
    Eventually([&] { return (leaks = FindLeaks(traces)).empty(); });
    for (const std::string& leak : leaks) ADD_FAILURE() << "left behind: " << leak;
  }
};

TEST_P(FailPointWalk, Create) {
  const Output output = RunDying({"create", "--name", "one", Busybox(), "true"});
  EXPECT_TRUE(output.code == 0 || output.code == 137) << output;
  EXPECT_EQ(output.code == 137, GetParam().starts_with("create-")) << output;
  Recover("create");
}

TEST_P(FailPointWalk, RunForeground) {
  const Output output = RunDying({"run", "--name", "one", Busybox(), "sh", "-c", "echo x; exit 5"});
  EXPECT_FALSE(output.timed_out) << output;
  EXPECT_NE(output.code, 0) << output;
  Recover("run");
}

TEST_P(FailPointWalk, RunThatRemovesItself) {
  const Output output = RunDying({"run", "--rm", "--name", "one", Busybox(), "sh", "-c", "exit 5"});
  EXPECT_FALSE(output.timed_out) << output;
  EXPECT_NE(output.code, 0) << output;
  Recover("run --rm");
}

TEST_P(FailPointWalk, RunDetached) {
  const Output output = RunDying({"run", "-dt", "--name", "one", Busybox(), "sleep", "1000"});
  EXPECT_FALSE(output.timed_out) << output;
  Recover("run -dt");
}

TEST_P(FailPointWalk, RunDetachedOfAShortOne) {
  const Output output = RunDying({"run", "-d", "--name", "one", Busybox(), "sh", "-c", "exit 5"});
  EXPECT_FALSE(output.timed_out) << output;
  if (output.code == 0) {
    // The exit code is right, or it is said to be unknown.
    const Output wait = Run({"wait", "one"});
    EXPECT_TRUE(wait.out == "5\n" || wait.out == "255\n") << wait;
  }
  Recover("run -d, short");
}

TEST_P(FailPointWalk, Start) {
  RunOk({"create", "--name", "one", Busybox(), "sleep", "1000"});
  const Output output = RunDying({"start", "one"});
  EXPECT_FALSE(output.timed_out) << output;
  // Its monitor, when there is one already, notices first that nobody waits for it.
  EXPECT_TRUE(Eventually(
      [&] { return Run({"start", "one"}).code == 0 && Run({"exec", "one", "true"}).code == 0; }));
  Recover("start");
}

TEST_P(FailPointWalk, Attach) {
  // In a monitor with a client, before, while and after it tells how the container ended.
  if (!GetParam().starts_with("monitor-") && !GetParam().starts_with("cleanup-")) return;
  RunDying({"run", "-di", "--name", "one", Busybox(), "sh", "-c", "read x; echo got-$x; exit 5"});
  const Output output = Run({"attach", "one"}, "word\n");
  const std::set<int> allowed = {1, 125, 5, 255};
  EXPECT_TRUE(allowed.contains(output.code)) << output;
  EXPECT_EQ(output.code == 125, output.err.find("is not running") != std::string::npos) << output;
  Recover("run -di, attach");
}

TEST_P(FailPointWalk, Stop) {
  StartSleeper({"--name", "one"});
  RunDying({"stop", "-t", "0", "one"});
  EXPECT_EQ(Run({"stop", "-t", "0", "one"}).code, 0);
  const std::string code = RunOk({"wait", "one"});
  EXPECT_TRUE(code == "0" || code == "137") << code << ": by SIGTERM's handler or by SIGKILL";
  Recover("stop");
}

TEST_P(FailPointWalk, Remove) {
  StartSleeper({"--name", "one"});
  RunDying({"rm", "-f", "one"});
  Recover("rm -f");
}

std::vector<std::string> AllFailPoints() {
  std::vector<std::string> names = FailPoints();
  // Those of a rotation have a walk of their own, with containers that have one (LogDrivers), and
  // so have those of networks (Network, Publish).
  std::erase_if(names, [](const std::string& name) {
    return name.starts_with("log-") || name.starts_with("attach-");
  });
  // A walk over nothing would pass.
  if (names.size() < 10) names.emplace_back("hoy-__fail-points-lists-too-few");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Every, FailPointWalk, testing::ValuesIn(AllFailPoints()),
                         [](const auto& point) {
                           std::string name = point.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hoy::test
