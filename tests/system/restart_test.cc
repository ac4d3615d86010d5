// restart, restart policies and what interrupts them, rename, and what stop says.

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

class Restart : public ImageSandbox {
 protected:
  // A container whose runs each add a line to its /runs, and which then does what `then` says.
  std::string RunCounting(const std::string& name, const std::string& policy,
                          const std::string& then) const {
    return RunOk({"run", "-d", "--name", name, "--restart", policy, Busybox(), "sh", "-c",
                  "echo run >> /runs; " + then});
  }
  size_t RunsOf(const std::string& id) const {
    const std::string text = ReadFile(data() + "/containers/" + id + "/upper/runs");
    return static_cast<size_t>(std::ranges::count(text, '\n'));
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string Field(const std::string& name, const std::string& field) const {
    return RunOk({"inspect", "-f", "{{" + field + "}}", name});
  }
  // The process that waits out the back-off of a container, or 0.
  int RestarterOf(const std::string& id) const {
    const Json state =
        Json::parse(ReadFile(data() + "/containers/" + id + "/restart.json"), nullptr, false);
    return state.is_object() ? state.value("restarter_pid", 0) : 0;
  }
};

TEST_F(Restart, EndsTheOldRunAndBeginsANewOne) {
  const std::string id = StartSleeper({"--name", "one"});
  const std::string first = Field("one", ".State.StartedAt");
  EXPECT_EQ(RunOk({"restart", "one"}), "one");
  EXPECT_EQ(Status("one"), "running");
  EXPECT_NE(Field("one", ".State.StartedAt"), first);
  RunOk({"stop", "one"});
  EXPECT_EQ(RunOk({"restart", id.substr(0, 12)}), id.substr(0, 12)) << "a stopped one is started";
  EXPECT_EQ(Status("one"), "running");
  EXPECT_EQ(Run({"restart", "missing", "one"}).code, 1);
  EXPECT_EQ(Run({"restart", "-s", "NOPE", "one"}).code, 125);
  // An auto-remove container is not removed in between.
  const std::string kept = StartSleeper({"--rm", "--name", "two"});
  RunOk({"exec", "two", "touch", "/mark"});
  RunOk({"restart", "two"});
  EXPECT_EQ(Inspect("two")["Id"], kept);
  RunOk({"exec", "two", "ls", "/mark"});
  RunOk({"stop", "two"});
  EXPECT_TRUE(Eventually([&] { return Run({"inspect", "two"}).code == 1; }));
}

TEST_F(Restart, StopSaysWhenPidOneDoesNotTakeTheSignal) {
  RunOk({"run", "-d", "--name", "deaf", Busybox(), "sleep", "1000"});
  Background stop(Hoy({"stop", "-t", "1000", "deaf"}));
  EXPECT_TRUE(stop.WaitForErr("has no handler for SIGTERM")) << stop.err();
  EXPECT_NE(stop.err().find("SIGKILL follows in 1000 s"), std::string::npos) << stop.err();
  EXPECT_TRUE(WaitForStatus("deaf", "stopping"));
  EXPECT_NE(RunOk({"ps"}).find("(Stopping)"), std::string::npos);
  stop.Signal(SIGKILL);
  stop.Finish();
  EXPECT_EQ(Status("deaf"), "running") << "a killed stop leaves nothing";
  const Output quick = Run({"stop", "-t", "0", "deaf"});
  EXPECT_EQ(quick.err, "") << "nobody waits";
  RunOk({"start", "deaf"});
  const Output other = Run({"stop", "-s", "KILL", "deaf"});
  EXPECT_EQ(other.err, "");
  EXPECT_EQ(RunOk({"wait", "deaf"}), "137");
}

TEST_F(Restart, StopSaysNothingOfAnInitThatAwaitsSignals) {
  RunOk({"run", "-d", "--init", "--name", "heard", Busybox(), "sleep", "1000"});
  const Output stop = Run({"stop", "-t", "1000", "heard"});
  EXPECT_EQ(stop.code, 0) << stop;
  EXPECT_EQ(stop.err, "");
}

TEST_F(Restart, OnFailureRetriesAndGivesUp) {
  const std::string id = RunCounting("one", "on-failure:2", "exit 3");
  EXPECT_TRUE(WaitForStatus("one", "exited"));
  EXPECT_EQ(RunsOf(id), 3u);
  EXPECT_EQ(Field("one", ".RestartCount"), "2");
  EXPECT_EQ(Field("one", ".State.ExitCode"), "3");
  EXPECT_EQ(Field("one", ".HostConfig.RestartPolicy.Name"), "on-failure");
  EXPECT_EQ(Field("one", ".HostConfig.RestartPolicy.MaximumRetryCount"), "2");
  const std::string good = RunCounting("two", "on-failure", "exit 0");
  EXPECT_EQ(RunOk({"wait", "two"}), "0");
  EXPECT_EQ(Status("two"), "exited");
  EXPECT_EQ(RunsOf(good), 1u);
  // A person's start counts anew.
  RunOk({"start", "one"});
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 6; }));
  EXPECT_TRUE(WaitForStatus("one", "exited"));
}

TEST_F(Restart, AlwaysGoesOnUntilSomebodyStopsIt) {
  const std::string id = RunCounting("one", "always", "[ $(wc -l < /runs) -lt 3 ] || sleep 1000");
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 3 && Status("one") == "running"; }));
  EXPECT_EQ(Field("one", ".RestartCount"), "2");
  RunOk({"kill", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
  EXPECT_EQ(Status("one"), "exited") << "kill is a person's wish";
  RunOk({"start", "one"});
  EXPECT_EQ(Field("one", ".RestartCount"), "0");
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 4; }));
  RunOk({"stop", "-t", "0", "one"});
  EXPECT_EQ(Status("one"), "exited");
  EXPECT_EQ(RunsOf(id), 4u);
  // What ends otherwise is restarted.
  RunOk({"start", "one"});
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 5; }));
  const int pid = std::stoi(Field("one", ".State.Pid"));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 6; }));
}

// A container that waits for ten minutes to be started a second time. Its state says beforehand
// that this was decided.
class BackOff : public Restart {
 protected:
  void SetUp() override {
    Restart::SetUp();
    if (HasFatalFailure()) return;
    id_ = RunOk({"create", "--name", "one", "--restart", "always", Busybox(), "sh", "-c",
                 "echo run >> /runs; [ $(wc -l < /runs) -gt 1 ] && exec sleep 1000; exit 7"});
    WriteFile(data() + "/containers/" + id_ + "/restart.json",
              R"({"version":1,"count":20,"delay_ms":600000,"due":9000000000000000000})");
    RunOk({"start", "one"});
    ASSERT_TRUE(Eventually([&] { return RestarterOf(id_) != 0; }));
    ASSERT_EQ(Status("one"), "restarting");
  }
  std::string id_;
};

TEST_F(BackOff, IsShownAndEndedByEveryVerbAtOnce) {
  const std::string list = RunOk({"ps", "-f", "status=restarting", "--format", "{{.Status}}"});
  EXPECT_TRUE(list.starts_with("Restarting (7) ")) << list << Run({"ps", "-a"});
  EXPECT_EQ(Field("one", ".State.Restarting"), "true");
  EXPECT_EQ(Field("one", ".RestartCount"), "20");
  EXPECT_EQ(RunOk({"wait", "one"}), "7") << "it has exited";
  // The other verbs of core/engine/state_rules.cc.
  for (const std::vector<std::string>& refused :
       std::vector<std::vector<std::string>>{{"exec", "one", "true"},
                                             {"attach", "one"},
                                             {"top", "one"},
                                             {"pause", "one"},
                                             {"unpause", "one"},
                                             {"rm", "one"}}) {
    const Output output = Run(refused);
    EXPECT_EQ(output.code, 125) << refused[0] << output;
    EXPECT_TRUE(Has(output.err, "container one is restarting")) << refused[0] << output;
  }
  RunOk({"cp", "one:/runs", Path("runs")});
  EXPECT_EQ(ReadFile(Path("runs")), "run\n");
  RunOk({"update", "--pids-limit", "50", "one"});
  RunOk({"export", "-o", Path("one.tar"), "one"});
  RunOk({"commit", "one", "made"});
  EXPECT_EQ(RunOk({"stats", "--no-stream", "--format", "{{.PIDs}}", "one"}), "--");
  RunOk({"rename", "one", "other"});
  RunOk({"rename", "other", "one"});
  EXPECT_EQ(Status("one"), "restarting");
  EXPECT_EQ(RunsOf(id_), 1u);
  const int first = RestarterOf(id_);
  RunOk({"start", "one"});
  EXPECT_EQ(Status("one"), "running");
  EXPECT_EQ(RunsOf(id_), 2u);
  EXPECT_TRUE(Eventually([&] { return !fs::exists(fmt::format("/proc/{}", first)); }));
}

TEST_F(BackOff, WhatACutOffStartLeftIsSweptOnce) {
  const int first = RestarterOf(id_);
  const std::string left = run() + "/containers/" + id_;
  ASSERT_TRUE(Eventually([&] { return !fs::exists(left); })) << "the last run's own";
  ASSERT_TRUE(fs::create_directory(left));
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps", "-a"});  // it passes over one that a clean-up holds
    return !fs::exists(left);
  }));
  EXPECT_EQ(RestarterOf(id_), first) << "it lives, and needs no successor";
  EXPECT_EQ(Status("one"), "restarting");
}

TEST_F(BackOff, StopKillAndRmCallItOff) {
  const int first = RestarterOf(id_);
  RunOk({"stop", "one"});
  EXPECT_EQ(Status("one"), "exited");
  EXPECT_TRUE(Eventually([&] { return !fs::exists(fmt::format("/proc/{}", first)); }));
  EXPECT_EQ(Run({"kill", "one"}).code, 125) << "it does not run";
  EXPECT_EQ(RunsOf(id_), 1u);
  RunOk({"rm", "one"});
}

TEST_F(BackOff, RemovalByForceEndsTheRestarter) {
  const int first = RestarterOf(id_);
  RunOk({"rm", "-f", "one"});
  EXPECT_TRUE(Eventually([&] { return !fs::exists(fmt::format("/proc/{}", first)); }));
}

TEST_F(BackOff, AKilledRestarterIsReplacedByTheNextCommand) {
  const int first = RestarterOf(id_);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] {
    RunOk({"ps", "-a"});
    const int next = RestarterOf(id_);
    return next != first && next != 0;
  }));
  EXPECT_EQ(Status("one"), "restarting");
  EXPECT_EQ(Field("one", ".RestartCount"), "20") << "still the same restart";
  RunOk({"stop", "one"});
  EXPECT_EQ(Status("one"), "exited");
}

// The monitor is killed, then its container, and then the first command that mends that.
TEST_F(Restart, ACrashAnywhereIsHealed) {
  for (const char* point : {"cleanup-begun", "restart-decided"}) {
    SCOPED_TRACE(point);
    const std::string id =
        RunOk({"run", "-d", "--name", "one", "--restart", "on-failure:1", Busybox(), "sh", "-c",
               "echo run >> /runs; [ $(wc -l < /runs) -gt 1 ] && exit 3; exec sleep 1000"});
    const std::string text = ReadFile(run() + "/containers/" + id + "/state.json");
    const Json state = Json::parse(text.substr(0, text.find('\n')), nullptr, false);
    ASSERT_TRUE(state.is_object()) << text;
    for (const char* key : {"monitor_pid", "pid"}) {
      const int pid = state[key].get<int>();
      ASSERT_EQ(::kill(pid, SIGKILL), 0);
      EXPECT_TRUE(Eventually([&] { return ::kill(pid, 0) != 0; }));
    }
    Command list = Hoy({"ps", "-a"});
    list.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(list).code, 137);
    EXPECT_TRUE(Eventually([&] { return Status("one") == "exited" && RunsOf(id) == 2; }))
        << Run({"ps", "-a"});
    EXPECT_EQ(Field("one", ".RestartCount"), "1");
    EXPECT_EQ(Field("one", ".State.ExitCode"), "3");
    RunOk({"rm", "-f", "one"});
  }
}

// A person's start counts from the moment that the program runs.
TEST_F(Restart, AStartThatIsKilledAtItsEndLeavesThePolicyOn) {
  const std::string id = RunCounting("one", "always", "sleep 1000");
  RunOk({"stop", "-t", "0", "one"});
  Command start = Hoy({"start", "one"});
  start.env["HOY_FAIL_POINT"] = "start-done";
  EXPECT_EQ(RunCommand(start).code, 137);
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 2; }));
  ASSERT_EQ(::kill(std::stoi(Field("one", ".State.Pid")), SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return RunsOf(id) == 3; }));
}

TEST_F(Restart, ForegroundAndConflicts) {
  const Output once = Run({"run", "--name", "one", "--restart", "on-failure:1", Busybox(), "sh",
                           "-c", "echo out; exit 4"});
  EXPECT_EQ(once.code, 4) << once;
  EXPECT_EQ(once.out, "out\n");
  EXPECT_TRUE(WaitForStatus("one", "exited"));
  EXPECT_EQ(Field("one", ".RestartCount"), "1");
  EXPECT_EQ(RunOk({"logs", "one"}), "out\nout");
  const Output both = Run({"run", "--rm", "--restart", "always", Busybox(), "true"});
  EXPECT_EQ(both.code, 125);
  EXPECT_NE(both.err.find("conflicting options: --restart and --rm"), std::string::npos) << both;
  EXPECT_EQ(Run({"run", "--restart", "sometimes", Busybox(), "true"}).code, 125);
  // A restart that cannot start is a failed start, and that is all.
  const std::string id = RunOk({"run", "-d", "--name", "two", "--restart", "always", Busybox(),
                                "sh", "-c", "rm /bin/sh; exit 1"});
  EXPECT_TRUE(WaitForStatus("two", "failed"));
  EXPECT_NE(Field("two", ".State.Error"), "");
  EXPECT_NE(RunOk({"ps", "-a"}).find("Failed (127)"), std::string::npos);
}

TEST_F(Restart, LogsFollowThroughARestart) {
  RunCounting("one", "on-failure:2", "echo run-$(wc -l < /runs); exit 1");
  EXPECT_EQ(Run({"logs", "-f", "one"}).out, "run-1\nrun-2\nrun-3\n");
}

TEST_F(Restart, RenameIsAtomicAndWorksOnARunningOne) {
  const std::string id = StartSleeper({"--name", "one"});
  RunOk({"create", "--name", "other", Busybox(), "true"});
  RunOk({"rename", "one", "two"});
  EXPECT_EQ(Field("two", ".Id"), id);
  EXPECT_EQ(RunOk({"ps", "--format", "{{.Names}}"}), "two");
  EXPECT_EQ(Run({"inspect", "one"}).code, 1);
  EXPECT_EQ(RunOk({"exec", "two", "echo", "on"}), "on");
  const Output taken = Run({"rename", "two", "other"});
  EXPECT_EQ(taken.code, 125) << taken;
  EXPECT_NE(taken.err.find("in use"), std::string::npos) << taken;
  EXPECT_EQ(Run({"rename", "two", "two"}).code, 125);
  EXPECT_EQ(Run({"rename", "two", "-bad-"}).code, 125);
  EXPECT_EQ(Run({"rename", "two", "b/d"}).code, 125);
  EXPECT_EQ(Run({"rename", "missing", "three"}).code, 1);
  for (const char* point : {"rename-reserved", "rename-recorded"}) {
    Command rename = Hoy({"rename", id, point});
    rename.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(rename).code, 137);
    RunOk({"rename", id, "again"});
    EXPECT_EQ(RunOk({"ps", "--format", "{{.Names}}"}), "again");
    RunOk({"rename", id, "back"});
    RunOk({"create", "--name", point, Busybox(), "true"});
    EXPECT_NE(Field(point, ".Id"), id);
  }
}

}  // namespace
}  // namespace hoy::test
