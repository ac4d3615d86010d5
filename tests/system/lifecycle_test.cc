// create, start, stop, kill, wait, rm: what they print, what they leave, how they end.

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Lifecycle : public ImageSandbox {
 protected:
  std::string Create(const std::string& script, std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {"create"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    return RunOk(arguments);
  }

  std::string StartDetached(const std::string& script,
                            std::vector<std::string> options = {}) const {
    std::string id = Create(script, std::move(options));
    RunOk({"start", id});
    return id;
  }

  // Follows the log until `text` is in it.
  bool Says(const std::string& container, const std::string& text) const {
    Background logs(Hoy({"logs", "-f", container}));
    return logs.WaitForOut(text);
  }

  size_t ContainersOnDisk() const { return ListNames(data() + "/containers").size(); }
};

TEST_F(Lifecycle, CreatePrintsTheFullIdAndStartRunsIt) {
  const std::string id = Create("echo hello; exit 3", {"--name", "web"});
  EXPECT_EQ(id.size(), 64u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(RunOk({"start", "web"}), "web");
  EXPECT_EQ(RunOk({"wait", "web"}), "3");
  EXPECT_EQ(RunOk({"logs", id}), "hello");
}

TEST_F(Lifecycle, InfoTellsWhatThereIs) {
  StartSleeper();
  RunOk({"create", Busybox(), "true"});
  const std::string info = RunOk({"info"});
  EXPECT_NE(info.find("2 (1 running, 1 stopped)"), std::string::npos) << info;
  EXPECT_TRUE(std::regex_search(info, std::regex("Total memory: +[0-9.]+[KMGT]iB"))) << info;
  const Json json = Json::parse(RunOk({"info", "--format", "json"}));
  EXPECT_EQ(json["Containers"], 2) << json;
  EXPECT_EQ(json["ContainersRunning"], 1) << json;
  EXPECT_EQ(RunOk({"info", "-f", "{{.DockerRootDir}}"}), json["DockerRootDir"]);
}

TEST_F(Lifecycle, ObjectsArePrintedAsTheyWereTyped) {
  const std::string one = StartSleeper({"--name", "one"});
  const std::string two = StartSleeper({"--name", "two"});
  const std::string three = StartSleeper({"--name", "three"});
  const std::string prefix = two.substr(0, 12);
  const std::string typed = fmt::format("one\n{}\n{}", prefix, three);
  EXPECT_EQ(RunOk({"kill", "--signal", "URG", "one", prefix, three}), typed);
  EXPECT_EQ(RunOk({"stop", "one", prefix, three}), typed);
  EXPECT_EQ(RunOk({"start", "one", prefix, three}), typed);
  EXPECT_EQ(RunOk({"rm", "-f", "one", prefix, three}), typed);
  EXPECT_EQ(ContainersOnDisk(), 0u);
}

TEST_F(Lifecycle, ManyObjectsGoOnAfterAnErrorAndFailAtTheEnd) {
  StartSleeper({"--name", "one"});
  StartSleeper({"--name", "two"});
  for (const char* verb : {"kill", "stop", "start", "stop", "rm"}) {
    std::vector<std::string> arguments = {verb, "one", "missing", "two"};
    if (std::string_view(verb) == "kill") arguments = {verb, "-s", "CONT", "one", "missing", "two"};
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, 1) << verb << output;
    EXPECT_EQ(output.out, "one\ntwo\n") << verb;
    EXPECT_NE(output.err.find("no such container: missing"), std::string::npos) << output;
  }
}

TEST_F(Lifecycle, EveryVerbFailsWithOneForNoSuchObject) {
  for (const char* verb : {"start", "stop", "kill", "rm", "wait", "logs", "inspect"}) {
    const Output output = Run({verb, "missing"});
    EXPECT_EQ(output.code, 1) << verb << output;
    EXPECT_EQ(output.err.find("hoy: "), 0u) << verb << output;
    EXPECT_NE(output.err.find("missing"), std::string::npos) << verb << output;
  }
  // exec runs a command, whose own code may be 1.
  EXPECT_EQ(Run({"exec", "missing", "true"}).code, 125);
}

TEST_F(Lifecycle, ANearNameIsSuggested) {
  Create("true", {"--name", "webserver"});
  const Output output = Run({"start", "webservre"});
  EXPECT_NE(output.err.find("did you mean 'webserver'?"), std::string::npos) << output;
}

TEST_F(Lifecycle, ForcedRemovalOfWhatIsMissingIsSilent) {
  const Output output = Run({"rm", "-f", "missing"});
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.out + output.err, "");
  Create("true", {"--name", "one"});
  EXPECT_EQ(RunOk({"rm", "--force", "missing", "one"}), "one");
}

TEST_F(Lifecycle, ARunningContainerIsRemovedByForceOnly) {
  StartSleeper({"--name", "one"});
  const Output refused = Run({"rm", "one"});
  EXPECT_EQ(refused.code, 125) << refused;
  EXPECT_NE(refused.err.find("is running"), std::string::npos) << refused;
  EXPECT_NE(refused.err.find("--force"), std::string::npos) << refused;
  EXPECT_EQ(RunOk({"rm", "-f", "one"}), "one");
  EXPECT_EQ(ContainersOnDisk(), 0u);
}

TEST_F(Lifecycle, StopIsTermThenTheContainersOwnExitCode) {
  StartDetached("trap 'exit 7' TERM; echo ready; while :; do sleep 60 & wait; done",
                {"--name", "one"});
  ASSERT_TRUE(Says("one", "ready"));
  RunOk({"stop", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "7");
  EXPECT_EQ(RunOk({"stop", "one"}), "one") << "stopping what is stopped is success";
}

TEST_F(Lifecycle, StopSendsTheContainersStopSignal) {
  StartDetached("trap 'exit 8' USR1; echo ready; while :; do sleep 60 & wait; done",
                {"--name", "one", "--stop-signal", "usr1"});
  ASSERT_TRUE(Says("one", "ready"));
  RunOk({"stop", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "8");
}

TEST_F(Lifecycle, WhatDoesNotStopIsKilledAfterItsTime) {
  const std::string deaf = "trap '' TERM; echo ready; while :; do sleep 60 & wait; done";
  StartDetached(deaf, {"--name", "one"});
  StartDetached(deaf, {"--name", "two", "--stop-timeout", "1"});
  ASSERT_TRUE(Says("one", "ready"));
  ASSERT_TRUE(Says("two", "ready"));
  RunOk({"stop", "-t", "0", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
  RunOk({"stop", "two"});
  EXPECT_EQ(RunOk({"wait", "two"}), "137");
}

// Each ends only after the other was told to.
TEST_F(Lifecycle, ManyAreStoppedAtOnce) {
  std::filesystem::create_directory(Path("gate"));
  for (const char* name : {"one", "two"}) {
    const std::string other = name == std::string("one") ? "two" : "one";
    StartDetached(
        fmt::format(
            "trap 'touch /gate/{}; until [ -e /gate/{} ]; do sleep 0.05; done; exit 9' TERM;"
            "echo ready; while :; do sleep 0.05; done",
            name, other),
        {"--name", name, "-v", Path("gate") + ":/gate"});
    ASSERT_TRUE(Says(name, "ready"));
  }
  const Output output = Run({"stop", "-t", "-1", "two", "nosuch", "one"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_EQ(output.out, "two\none\n");
  EXPECT_NE(output.err.find("no such container: nosuch"), std::string::npos) << output;
  EXPECT_EQ(RunOk({"wait", "one", "two"}), "9\n9");
}

// The stop ends only after the container was let go, although its own patience is none.
TEST_F(Lifecycle, MinusOneWaitsForEver) {
  const std::string slow =
      "trap 'echo stopping; while [ ! -e /gate/open ]; do sleep 0.05; done; exit 9' TERM;"
      "echo ready; while :; do sleep 0.05; done";
  std::filesystem::create_directory(Path("gate"));
  StartDetached(slow, {"--name", "one", "--stop-timeout", "0", "-v", Path("gate") + ":/gate"});
  ASSERT_TRUE(Says("one", "ready"));
  Background stop(Hoy({"stop", "-t", "-1", "one"}));
  ASSERT_TRUE(Says("one", "stopping"));
  EXPECT_TRUE(stop.Running());
  WriteFile(Path("gate/open"), "");
  EXPECT_EQ(stop.Finish().code, 0);
  EXPECT_EQ(RunOk({"wait", "one"}), "9");
}

TEST_F(Lifecycle, APatienceThatNoClockHoldsIsRefused) {
  StartSleeper({"--name", "one"});
  for (const char* verb : {"stop", "restart"}) {
    const Output output = Run({verb, "-t", "9223372036854776", "one"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_TRUE(Has(output.err, "--timeout '9223372036854776': more than 2147483647 seconds"))
        << output;
  }
  EXPECT_EQ(Status("one"), "running");
}

TEST_F(Lifecycle, KillTakesNamesNumbersAndRealTimeSignals) {
  StartDetached(
      "trap 'echo got-usr1' USR1; trap 'echo got-hup' HUP; trap 'echo got-rt' 37;"
      "trap 'echo got-max' 64; echo ready; while :; do sleep 0.02; done",
      {"--name", "one"});
  ASSERT_TRUE(Says("one", "ready"));
  std::string expected = "ready\n";
  const auto hears = [&](const std::string& signal, const std::string& says) {
    RunOk({"kill", "-s", signal, "one"});
    expected += says + "\n";
    return Eventually([&] { return Run({"logs", "one"}).out == expected; });
  };
  for (const char* name : {"USR1", "SIGUSR1", "usr1", "sigusr1", "10"}) {
    EXPECT_TRUE(hears(name, "got-usr1")) << name;
  }
  EXPECT_TRUE(hears("HUP", "got-hup"));
  for (const char* name : {"RTMIN+3", "SIGRTMIN+3", "37", "rtmax-27"}) {
    EXPECT_TRUE(hears(name, "got-rt")) << name;
  }
  EXPECT_TRUE(hears("RTMAX", "got-max"));
  RunOk({"kill", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
}

TEST_F(Lifecycle, KillRefusesUnknownSignals) {
  StartSleeper({"--name", "one"});
  for (const char* name : {"NOPE", "SIGNOPE", "0", "65", "-1", "", "RTMIN+31", "KILL,TERM"}) {
    const Output output = Run({"kill", std::string("--signal=") + name, "one"});
    EXPECT_EQ(output.code, 125) << name << output;
    EXPECT_EQ(output.out, "") << name;
  }
  RunOk({"stop", "one"});
  const Output stopped = Run({"kill", "one"});
  EXPECT_EQ(stopped.code, 125) << stopped;
  EXPECT_NE(stopped.err.find("is not running"), std::string::npos) << stopped;
}

TEST_F(Lifecycle, ASecondStartKeepsTheFilesAndAppendsToTheLog) {
  const Output first = Run({"run", "--name", "one", Busybox(), "sh", "-c",
                            "cat /kept 2>/dev/null; echo round >> /kept; echo done"});
  EXPECT_EQ(first.out, "done\n") << first;
  EXPECT_EQ(RunOk({"start", "-a", "one"}), "round\ndone");
  EXPECT_EQ(RunOk({"start", "-a", "one"}), "round\nround\ndone");
  EXPECT_EQ(RunOk({"logs", "one"}), "done\nround\ndone\nround\nround\ndone");
}

TEST_F(Lifecycle, StartOfARunningContainerIsSuccess) {
  StartSleeper({"--name", "one"});
  const std::string init = RunOk({"exec", "one", "cat", "/proc/1/stat"});
  EXPECT_EQ(RunOk({"start", "one"}), "one");
  EXPECT_EQ(RunOk({"exec", "one", "cat", "/proc/1/stat"}).substr(0, 5), init.substr(0, 5));
}

TEST_F(Lifecycle, StartWithAttachGivesOutputAndExitCode) {
  Create("echo out; echo err >&2; exit 4", {"--name", "one"});
  for (int round = 0; round < 2; ++round) {
    const Output output = Run({"start", "--attach", "one"});
    EXPECT_EQ(output.code, 4);
    EXPECT_EQ(output.out, "out\n");
    EXPECT_EQ(output.err, "err\n");
  }
  Create("cat; exit 5", {"--name", "two", "-i"});
  const Output piped = Run({"start", "-ai", "two"}, "through\n");
  EXPECT_EQ(piped.code, 5);
  EXPECT_EQ(piped.out, "through\n");
}

TEST_F(Lifecycle, WaitPrintsEachCodeInOrderAndGoesOn) {
  Create("true", {"--name", "never"});
  StartDetached("exit 3", {"--name", "three"});
  StartDetached("exit 4", {"--name", "four"});
  EXPECT_EQ(RunOk({"wait", "four", "three", "never", "four"}), "4\n3\n0\n4");
  const Output output = Run({"wait", "three", "missing", "four"});
  EXPECT_EQ(output.code, 1);
  EXPECT_EQ(output.out, "3\n4\n");
}

TEST_F(Lifecycle, WaitGivesUpAfterItsTimeoutWith124) {
  StartSleeper({"--name", "one"});
  const Output output = Run({"wait", "--timeout", "50ms", "one"});
  EXPECT_EQ(output.code, 124) << output;
  EXPECT_EQ(output.out, "");
}

// The waiter is there before the end, and reads the exit although the clean-up removed everything.
TEST_F(Lifecycle, WaitGetsTheCodeOfAContainerThatRemovesItself) {
  const std::string id = RunOk({"run", "-d", "--rm", "--name", "one", Busybox(), "sh", "-c",
                                "trap 'exit 6' TERM; echo up; while :; do sleep 0.02; done"});
  ASSERT_TRUE(Eventually([&] { return Run({"logs", "one"}).out == "up\n"; }));
  std::vector<Background> waiters;
  for (int i = 0; i < 4; ++i) waiters.emplace_back(Hoy({"wait", i % 2 == 0 ? "one" : id}));
  for (const Background& waiter : waiters) {
    const std::string descriptors = fmt::format("/proc/{}/fd", waiter.pid());
    EXPECT_TRUE(Eventually([&] {
      std::error_code gone;
      for (const auto& entry : std::filesystem::directory_iterator(descriptors, gone)) {
        const std::string target = std::filesystem::read_symlink(entry, gone);
        if (target.ends_with("/state.json")) return true;
      }
      return false;
    }));
  }
  RunOk({"kill", "-s", "TERM", "one"});
  for (Background& waiter : waiters) {
    const Output output = waiter.Finish();
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out, "6\n") << output;
  }
  EXPECT_TRUE(Eventually([&] { return ContainersOnDisk() == 0; }));
}

TEST_F(Lifecycle, AnAutoRemoveContainerLeavesNothingHoweverItEnds) {
  EXPECT_EQ(RunShell("exit 5").code, 5);
  EXPECT_EQ(RunShell("kill -9 $$; sleep 9", {"--init"}).code, 137);
  EXPECT_EQ(RunShell("exit 0", {"--name", "again"}).code, 0);
  EXPECT_EQ(RunShell("exit 0", {"--name", "again"}).code, 0);
  const std::string stopped = StartSleeper({"--rm"});
  RunOk({"stop", stopped});
  EXPECT_TRUE(Eventually([&] { return ContainersOnDisk() == 0; }));
}

TEST_F(Lifecycle, PrefixesOfIdsAreAcceptedUnlessTheyAreAmbiguous) {
  std::map<char, std::vector<std::string>> by_first;
  std::string both;
  while (both.empty()) {  // at most seventeen times
    const std::string id = Create("true");
    auto& ids = by_first[id[0]];
    ids.push_back(id);
    if (ids.size() == 2) both = id.substr(0, 1);
  }
  const Output ambiguous = Run({"rm", both});
  EXPECT_EQ(ambiguous.code, 125) << ambiguous;
  EXPECT_NE(ambiguous.err.find("more than one"), std::string::npos) << ambiguous;
  const auto& ids = by_first[both[0]];
  for (const std::string& id : ids) {
    EXPECT_NE(ambiguous.err.find(id.substr(0, 12) + " ("), std::string::npos) << ambiguous;
  }
  size_t same = 0;
  while (ids[0][same] == ids[1][same]) ++same;
  const std::string unique = ids[0].substr(0, same + 1);
  EXPECT_EQ(RunOk({"rm", unique}), unique);
  EXPECT_EQ(RunOk({"rm", both}), both) << "no longer ambiguous";
}

TEST_F(Lifecycle, ANameBeatsAnIdPrefix) {
  const std::string id = Create("exit 1");
  const std::string prefix = id.substr(0, 4);
  Create("exit 2", {"--name", prefix});
  EXPECT_EQ(Run({"start", "-a", prefix}).code, 2);
  EXPECT_EQ(Run({"start", "-a", id.substr(0, 5)}).code, 1);
}

// Whoever may choose a name must not be able to choose another's id.
TEST_F(Lifecycle, NoNameTakesAnotherOnesId) {
  const std::string id = Create("exit 1");
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"create", "--name", id, Busybox(), "true"}, {"rename", id, std::string(64, 'a')}}) {
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("looks like a container's id"), std::string::npos) << output;
  }
  // One from another time.
  const std::string other = Create("exit 2", {"--name", "other"});
  std::filesystem::create_symlink(other, data() + "/names/" + id);
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.Id}}", id}), id);
  std::filesystem::remove(data() + "/names/" + id);
  // Nor does --replace take one for a name.
  Create("true", {"--replace", "--name", id.substr(0, 12)});
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.Id}}", id}), id);
}

TEST_F(Lifecycle, ANameInUseIsRefusedAndFreeAgainAfterRemoval) {
  const std::string first = Create("true", {"--name", "one"});
  for (const char* verb : {"create", "run"}) {
    const Output taken = Run({verb, "--name", "one", Busybox(), "true"});
    EXPECT_EQ(taken.code, 125) << taken;
    EXPECT_EQ(taken.out, "");
    EXPECT_NE(taken.err.find("'one'"), std::string::npos) << taken;
    EXPECT_NE(taken.err.find(first.substr(0, 12)), std::string::npos) << taken;
  }
  EXPECT_EQ(ContainersOnDisk(), 1u);
  RunOk({"rm", "one"});
  const std::string second = Create("true", {"--name", "one"});
  EXPECT_NE(first, second);
  StartSleeper({"--name", "one", "--replace"});
  EXPECT_EQ(ContainersOnDisk(), 1u);
}

TEST_F(Lifecycle, TwentyRunsAtOnceDoNotDisturbEachOther) {
  std::vector<Background> runs;
  for (int i = 0; i < 20; ++i) {
    runs.emplace_back(Hoy({"run", "--rm", "--network", "none", Busybox(), "sh", "-c",
                           fmt::format("echo out-{0}; echo err-{0} >&2; exit {0}", i)}));
  }
  for (int i = 0; i < 20; ++i) {
    const Output output = runs[static_cast<size_t>(i)].Finish();
    EXPECT_EQ(output.code, i) << output;
    EXPECT_EQ(output.out, fmt::format("out-{}\n", i));
    EXPECT_EQ(output.err, fmt::format("err-{}\n", i));
  }
  EXPECT_EQ(ContainersOnDisk(), 0u);
}

TEST_F(Lifecycle, OneNameGoesToOneOfManyCreators) {
  std::vector<Background> creators;
  for (int i = 0; i < 8; ++i) {
    creators.emplace_back(Hoy({"create", "--name", "one", Busybox(), "true"}));
  }
  int made = 0;
  for (Background& creator : creators) {
    const Output output = creator.Finish();
    made += output.code == 0 ? 1 : 0;
    if (output.code == 0) continue;
    EXPECT_NE(output.err.find("in use"), std::string::npos) << output;
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(ContainersOnDisk(), 1u);
}

TEST_F(Lifecycle, ManyStartsOfOneContainerGiveOneRun) {
  Create("echo up; trap 'exit 0' TERM; while :; do sleep 0.05; done", {"--name", "one"});
  std::vector<Background> starters;
  for (int i = 0; i < 6; ++i) starters.emplace_back(Hoy({"start", "one"}));
  for (Background& starter : starters) EXPECT_EQ(starter.Finish().code, 0);
  ASSERT_TRUE(Says("one", "up"));
  std::vector<Background> stoppers;
  for (int i = 0; i < 6; ++i) stoppers.emplace_back(Hoy({"stop", "one"}));
  for (Background& stopper : stoppers) EXPECT_EQ(stopper.Finish().code, 0);
  EXPECT_EQ(RunOk({"logs", "one"}), "up");
}

TEST_F(Lifecycle, RemovalAndStartAtOnceLeaveNothingHalf) {
  for (int round = 0; round < 10; ++round) {
    const std::string id = Create("sleep 60", {"--name", "one"});
    Background start(Hoy({"start", "one"}));
    Background remove(Hoy({"rm", "-f", "one"}));
    Background second(Hoy({"rm", "-f", id}));
    const Output started = start.Finish();
    EXPECT_TRUE(started.code == 0 || started.code == 1 || started.code == 125) << started;
    EXPECT_EQ(remove.Finish().code, 0);
    EXPECT_EQ(second.Finish().code, 0);
    EXPECT_EQ(ContainersOnDisk(), 0u);
    EXPECT_TRUE(Eventually([&] { return CgroupsOf(Traces()).empty(); }));
  }
}

// The monitor of a start that was killed ends the container that nobody waits for; a start that
// comes meanwhile must not take it for one that runs.
TEST_F(Lifecycle, AStartAfterAKilledOneStartsTheContainer) {
  RunOk({"create", "--name", "one", Busybox(), "sleep", "1000"});
  for (int round = 0; round < 15; ++round) {
    Command dying = Hoy({"start", "one"});
    dying.env["HOY_FAIL_POINT"] = "start-spawned";
    ASSERT_EQ(RunCommand(dying).code, 137);
    const Output started = Run({"start", "one"});
    ASSERT_EQ(started.code, 0) << started;
    const Output exec = Run({"exec", "one", "echo", "alive"});
    ASSERT_EQ(exec.out, "alive\n") << "round " << round << exec;
    RunOk({"kill", "one"});
    RunOk({"wait", "one"});
  }
}

TEST_F(Lifecycle, PsShowsWhatAContainerHasWritten) {
  RunOk({"run", "--name", "one", Busybox(), "sh", "-c",
         "head -c 5000 /dev/zero >/a; ln /a /b; ln -s /bin/busybox /c; mkdir /d;"
         "head -c 3000 /dev/zero >/d/e; rm /bin/ls"});
  const std::string size = RunOk({"ps", "-a", "--size", "--format", "{{.Size}}"});
  // 8000 bytes, and the symlink's 12; the hard link is the same file, the whiteout is nothing.
  EXPECT_TRUE(size.starts_with("8.01kB (virtual ")) << size;
  EXPECT_EQ(size.find("(virtual 8.01kB)"), std::string::npos) << size;
  EXPECT_NE(RunOk({"ps", "-as"}).find("SIZE"), std::string::npos);
  EXPECT_EQ(RunOk({"ps", "-a"}).find("SIZE"), std::string::npos);
  // As with docker, a template that shows it switches it on.
  EXPECT_EQ(RunOk({"ps", "-a", "--format", "{{.Size}}"}), size);
  EXPECT_NE(RunOk({"ps", "-a", "--format", "table {{.ID}}\t{{.Size}}"}).find("8.01kB"),
            std::string::npos);
}

TEST_F(Lifecycle, StartsAtTheSameTimeGiveOneRun) {
  RunOk({"create", "--name", "one", Busybox(), "sh", "-c", "echo up; exec sleep 1000"});
  std::vector<Background> starts;
  for (int i = 0; i < 6; ++i) starts.emplace_back(Hoy({"start", "one"}));
  for (Background& start : starts) {
    const Output output = start.Finish();
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_EQ(output.out, "one\n");
  }
  EXPECT_TRUE(Eventually([&] { return RunOk({"logs", "one"}) == "up"; }));
  RunOk({"kill", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
  EXPECT_EQ(RunOk({"logs", "one"}), "up") << "it ran once";
}

}  // namespace
}  // namespace hoy::test
