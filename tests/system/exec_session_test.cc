// A session of hoy exec as a whole: its guard, its cgroup, its record.

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

// Everything that ends one: a process, one in a session of its own, one that was left by its
// parent.
constexpr const char* kFamily =
    "trap '' HUP TERM; sleep {0} & (setsid sleep {0} &); echo up; while :; do sleep {0}; done";

class ExecSession : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    if (HasFatalFailure()) return;
    id_ = StartSleeper({"--name", "one"});
  }

  // The host's numbers of the container's processes whose command line contains `text`.
  std::vector<int> PidsOf(const std::string& text) const {
    std::vector<int> found;
    for (int pid : ProcessesOf(Traces())) {
      const std::string process = fmt::format("/proc/{}", pid);
      if (ReadFileIfThere(process + "/cgroup").find(id_.substr(0, 12)) != std::string::npos &&
          ReadFileIfThere(process + "/cmdline").find(text) != std::string::npos) {
        found.push_back(pid);
      }
    }
    return found;
  }
  bool AllGone(const std::string& text) const {
    return Eventually([&] { return PidsOf(text).empty(); });
  }

  int ParentOf(int pid) const {
    std::istringstream stat(ReadFileIfThere(fmt::format("/proc/{}/stat", pid)));
    std::string field;
    for (int i = 1; i <= 4; ++i) stat >> field;
    return std::atoi(field.c_str());
  }

  // The sessions' cgroups and records that are there.
  std::vector<std::string> Leaves() const {
    std::vector<std::string> leaves;
    for (const std::string& cgroup : CgroupsOf(Traces())) {
      for (const std::string& name : ListNames(cgroup)) {
        if (name.starts_with("exec-")) leaves.push_back(cgroup + "/" + name);
      }
    }
    return leaves;
  }
  std::vector<std::string> Records() const {
    return ListNames(fmt::format("{}/containers/{}/exec", run(), id_));
  }
  bool NothingIsLeft() const {
    return Eventually([&] { return Leaves().empty() && Records().empty(); });
  }

  std::string Family(const std::string& seconds) const {
    return fmt::format(fmt::runtime(kFamily), seconds);
  }

  std::string id_;
};

TEST_F(ExecSession, IsKilledWholeWithItsClient) {
  for (const char* options : {"-i", "-it"}) {
    Background exec(Hoy({"exec", options, "-u", "app", "one", "sh", "-c", Family("9101")}));
    ASSERT_TRUE(exec.WaitForOut("up")) << options;
    ASSERT_TRUE(Eventually([&] { return PidsOf("sleep\0009101"s).size() == 3; }));
    exec.Signal(SIGKILL);
    EXPECT_TRUE(AllGone("9101")) << options;
    EXPECT_TRUE(NothingIsLeft()) << options;
  }
}

// From its first moment on: whenever the client dies, nothing is left of the session.
TEST_F(ExecSession, DiesWithAClientThatIsKilledAtOnce) {
  ASSERT_EQ(
      Run({"exec", "one", "sh", "-c", "mkdir /su; cp /bin/busybox /su; chmod 4755 /su/busybox"})
          .code,
      0);
  for (int wait = 0; wait < 12; ++wait) {
    Background exec(
        Hoy({"exec", "-u", "app", "one", "/su/busybox", "sh", "-c", "sleep 9201; true"}));
    if (wait > 5) {
      EXPECT_TRUE(Eventually([&] { return !Leaves().empty(); }));
    }
    for (int i = 0; i < wait % 6; ++i) PauseBetweenPolls();
    exec.Signal(SIGKILL);
    exec.Finish();
    EXPECT_TRUE(NothingIsLeft());
    EXPECT_TRUE(PidsOf("9201").empty());
  }
}

TEST_F(ExecSession, TimeoutKillsAllOfIt) {
  const Output output = Run({"exec", "--timeout", "0.7", "one", "sh", "-c", Family("9301")});
  EXPECT_EQ(output.code, 124) << output;
  EXPECT_EQ(output.out, "up\n");
  EXPECT_TRUE(AllGone("9301"));
  EXPECT_TRUE(NothingIsLeft());

  EXPECT_EQ(Run({"exec", "-d", "--timeout", "700ms", "one", "sh", "-c", Family("9302")}).code, 0);
  EXPECT_TRUE(AllGone("9302"));
  EXPECT_TRUE(NothingIsLeft());

  EXPECT_EQ(Run({"exec", "--timeout", "1h", "one", "sh", "-c", "exit 7"}).code, 7);
  // What is frozen does not die, and its client goes all the same.
  Background frozen(Hoy({"exec", "--timeout", "1s", "one", "sleep", "9303"}));
  ASSERT_TRUE(Eventually([&] { return !PidsOf("9303").empty() || !frozen.Running(); }));
  RunOk({"pause", "one"});
  EXPECT_EQ(frozen.Finish().code, 124);
  RunOk({"unpause", "one"});
  EXPECT_TRUE(AllGone("9303"));
  EXPECT_EQ(Run({"exec", "--timeout", "0", "one", "true"}).code, 0);
  EXPECT_EQ(Run({"exec", "--timeout", "soon", "one", "true"}).code, 125);
}

// What a command leaves running is the container's, and the next command tidies up after it.
TEST_F(ExecSession, DaemonsOutliveAnExecThatEnded) {
  EXPECT_EQ(Run({"exec", "one", "sh", "-c", "(setsid sleep 9401 >/dev/null 2>&1 &)"}).code, 0);
  ASSERT_EQ(PidsOf("9401").size(), 1u);
  EXPECT_EQ(Leaves().size(), 1u);
  EXPECT_TRUE(Inspect("one")["ExecIDs"].is_null());
  ASSERT_EQ(
      Run({"exec", "one", "sh", "-c", "kill $(pidof sleep | tr ' ' '\\n' | grep -v '^1$')"}).code,
      0);
  ASSERT_TRUE(AllGone("9401"));
  // Its guard may still be at it, so that the first one that comes by need not be the healer.
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(Run({"exec", "one", "true"}).code, 0);
    return Leaves().empty() && Records().empty();
  }));
}

TEST_F(ExecSession, IsListedWhileItRuns) {
  EXPECT_TRUE(Inspect("one")["ExecIDs"].is_null());
  RunOk({"exec", "-d", "-u", "app", "one", "sleep", "9501"});
  RunOk({"exec", "-d", "--privileged", "one", "sh", "-c", "sleep 9502; true", "\xff"});
  const Json both = Inspect("one");
  ASSERT_EQ(both["ExecIDs"].size(), 2u) << both["ExecIDs"];
  const Json& first = both["ExecSessions"][0];
  EXPECT_EQ(first["ID"], both["ExecIDs"][0]);
  EXPECT_EQ(first["ID"].get<std::string>().size(), 64u);
  EXPECT_EQ(first["Pid"], PidsOf("9501").at(0));
  EXPECT_EQ(first["ProcessConfig"]["entrypoint"], "sleep");
  EXPECT_EQ(first["ProcessConfig"]["arguments"], Json::array({"9501"}));
  EXPECT_EQ(first["ProcessConfig"]["user"], "app");
  EXPECT_EQ(first["ProcessConfig"]["privileged"], false);
  EXPECT_EQ(both["ExecSessions"][1]["ProcessConfig"]["privileged"], true);
  EXPECT_GE(first["StartedAt"].get<std::string>(), both["State"]["StartedAt"].get<std::string>());
  kill(PidsOf("9501").at(0), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Inspect("one")["ExecIDs"].size() == 1; }));
  RunOk({"stop", "-t", "0", "one"});
  EXPECT_TRUE(Inspect("one")["ExecIDs"].is_null());
}

TEST_F(ExecSession, ItsGuardIsOutOfTheContainersReach) {
  const Background exec(Hoy({"exec", "one", "sleep", "9601"}));
  ASSERT_TRUE(Eventually([&] { return PidsOf("9601").size() == 1; }));
  const int guard = ParentOf(PidsOf("9601").at(0));
  EXPECT_NE(guard, exec.pid());
  EXPECT_NE(ReadFile(fmt::format("/proc/{}/cmdline", guard)).find("hoy-monitor"),
            std::string::npos);
  EXPECT_EQ(ReadFile(fmt::format("/proc/{}/cgroup", guard)), ReadFile("/proc/self/cgroup"));
  for (const char* name : {"pid", "mnt", "net", "ipc", "uts", "cgroup"}) {
    EXPECT_EQ(fs::read_symlink(fmt::format("/proc/{}/ns/{}", guard, name)),
              fs::read_symlink(fmt::format("/proc/self/ns/{}", name)))
        << name;
  }
}

TEST_F(ExecSession, IsUnderTheContainersMemoryLimit) {
  StartSleeper({"--name", "two", "--memory", "32m"});
  EXPECT_EQ(Run({"exec", "two", "dd", "if=/dev/zero", "of=/dev/null", "bs=8M", "count=1"}).code, 0);
  EXPECT_EQ(Run({"exec", "two", "dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"}).code,
            137);
}

TEST_F(ExecSession, WithoutItsGuardItEnds) {
  Background exec(Hoy({"exec", "one", "sh", "-c", Family("9701")}));
  ASSERT_TRUE(exec.WaitForOut("up"));
  ASSERT_TRUE(Eventually([&] { return PidsOf("sleep\0009701"s).size() == 3; }));
  kill(ParentOf(PidsOf("echo up").at(0)), SIGKILL);
  const Output output = exec.Finish();
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("hoy-monitor"), std::string::npos) << output;
  EXPECT_TRUE(AllGone("9701"));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(Run({"exec", "one", "true"}).code, 0);
    return Leaves().empty() && Records().empty();
  }));
}

TEST_F(ExecSession, DetachedOnATerminalGoesOnUnread) {
  ASSERT_EQ(Run({"exec", "-dt", "one", "sh", "-c",
                 "tty > /name; head -c 300000 /dev/zero | tr '\\0' x; touch /done; sleep 9801"})
                .code,
            0);
  EXPECT_TRUE(Eventually([&] { return Run({"exec", "one", "test", "-e", "/done"}).code == 0; }));
  EXPECT_NE(Run({"exec", "one", "cat", "/name"}).out.find("/dev/pts/"), std::string::npos);
  EXPECT_FALSE(PidsOf("9801").empty());
}

TEST_F(ExecSession, EndsWithTheContainerWhateverItHasLeft) {
  RunOk({"exec", "-d", "one", "sh", "-c", Family("9901")});
  ASSERT_TRUE(Eventually([&] { return PidsOf("sleep\0009901"s).size() == 3; }));
  kill(ParentOf(PidsOf("echo up").at(0)), SIGKILL);  // its guard
  RunOk({"rm", "-f", "one"});
  EXPECT_TRUE(CgroupsOf(Traces()).empty());
}

}  // namespace
}  // namespace hoy::test
