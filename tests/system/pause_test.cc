// pause and unpause: nothing runs meanwhile, and nothing is lost.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/file.h>

#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Pause : public ImageSandbox {
 protected:
  // A container that counts into a file of the host for as long as it runs.
  std::string StartCounter(const std::string& name) const {
    std::filesystem::create_directory(Path(name));
    return RunOk({"run", "-d", "--name", name, "-v", Path(name) + ":/count", Busybox(), "sh", "-c",
                  "trap 'exit 7' TERM; trap 'exit 9' USR2; n=0; while :; do n=$((n+1)); echo $n > "
                  "/count/new;"
                  "mv /count/new /count/now; sleep 0.01; done"});
  }
  long Count(const std::string& name) const {
    std::ifstream file(Path(name) + "/now");
    long count = 0;
    file >> count;
    return count;
  }
  bool Advances(const std::string& name) const {
    const long before = Count(name);
    return Eventually([&] { return Count(name) > before + 1; });
  }
  int ExitCode(const std::string& name) const {
    return Inspect(name)["State"]["ExitCode"].get<int>();
  }
};

TEST_F(Pause, StopsEveryProcessUntilUnpause) {
  StartCounter("one");
  ASSERT_TRUE(Advances("one"));
  EXPECT_EQ(RunOk({"pause", "one"}), "one");
  const long frozen = Count("one");
  // A process that was not frozen would get the processor during these.
  for (int i = 0; i < 3; ++i) RunOk({"version"});
  EXPECT_EQ(Count("one"), frozen);
  EXPECT_EQ(Run({"pause", "one"}).code, 125);

  // A signal waits.
  RunOk({"kill", "-s", "USR2", "one"});
  EXPECT_EQ(Count("one"), frozen);
  EXPECT_EQ(RunOk({"unpause", "one"}), "one");
  EXPECT_TRUE(Eventually([&] { return Status("one") == "exited"; }));
  EXPECT_EQ(ExitCode("one"), 9);
}

TEST_F(Pause, OutlastsACopyOutOfTheContainer) {
  StartCounter("one");
  ASSERT_TRUE(Advances("one"));
  RunOk({"pause", "one"});
  const long frozen = Count("one");
  RunOk({"cp", "one:/bin", Path("bin")});
  for (int i = 0; i < 3; ++i) RunOk({"version"});
  EXPECT_EQ(Count("one"), frozen);
  RunOk({"unpause", "one"});  // it was paused still
  EXPECT_TRUE(Advances("one"));
}

// A commit lets go on what it holds still for a moment.
TEST_F(Pause, OutlastsWhatHoldsItStillForAMoment) {
  const std::string id = StartCounter("one");
  Fd marker(::open((run() + "/containers/" + id + "/freezer").c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                   0600));
  ASSERT_EQ(::flock(marker.get(), LOCK_EX), 0);
  Background pause(Hoy({"pause", "one"}));
  EXPECT_TRUE(Eventually([&] {
    const std::string where = ReadFileIfThere(fmt::format("/proc/{}/syscall", pause.pid()));
    return where.starts_with("73 ");  // flock(2) on x86-64
  }));
  marker.reset();
  EXPECT_EQ(pause.Finish().code, 0);
  EXPECT_EQ(Status("one"), "paused");
  RunOk({"unpause", "one"});
}

// The container is killed when its time is over, paused or not, and whoever is its monitor then.
TEST_F(Pause, DoesNotOutlastTheTimeout) {
  RunOk({"run", "-d", "--timeout", "3", "--name", "one", Busybox(), "sleep", "1000"});
  const std::string two =
      RunOk({"run", "-d", "--timeout", "3", "--name", "two", Busybox(), "sleep", "1000"});
  Run({"pause", "one"});  // on a slow machine it may have ended by now
  const std::string text = ReadFileIfThere(run() + "/containers/" + two + "/state.json");
  const Json state = Json::parse(text.substr(0, text.find('\n')), nullptr, false);
  if (state.is_object()) kill(state["monitor_pid"].get<int>(), SIGKILL);
  RunOk({"ps"});
  EXPECT_EQ(RunOk({"wait", "one"}), "124");
  const std::string code = RunOk({"wait", "two"});
  EXPECT_TRUE(code == "124" || code == "255") << code << ": unless it was killed at that moment";
}

TEST_F(Pause, OfAllOrSeveralTellsWhichCouldNotBePaused) {
  StartCounter("one");
  StartCounter("two");
  RunOk({"create", "--name", "idle", Busybox(), "true"});
  const Output some = Run({"pause", "one", "idle", "nobody"});
  EXPECT_EQ(some.code, 125) << some;
  EXPECT_EQ(some.out, "one\n");
  EXPECT_NE(some.err.find("is not running"), std::string::npos) << some;
  EXPECT_NE(some.err.find("nobody"), std::string::npos) << some;

  const Output rest = Run({"pause", "--all"});  // the one that is paused already is no error
  EXPECT_EQ(rest.code, 0) << rest;
  EXPECT_EQ(rest.out.size(), 65u) << rest;
  EXPECT_EQ(Run({"pause", "-a", "one"}).code, 125);
  EXPECT_EQ(Run({"pause"}).code, 125);

  const Output all = Run({"unpause", "-a"});
  EXPECT_EQ(all.code, 0) << all;
  EXPECT_EQ(all.out.size(), 2 * 65u) << all;
  EXPECT_TRUE(Advances("one"));
  EXPECT_TRUE(Advances("two"));
  const Output again = Run({"unpause", "one"});
  EXPECT_EQ(again.code, 125);
  EXPECT_NE(again.err.find("is not paused"), std::string::npos) << again;
  EXPECT_EQ(Run({"unpause", "-a"}).out, "");
}

}  // namespace
}  // namespace hoy::test
