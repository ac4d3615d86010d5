// What every verb says of a container in every state that holds still: the table of
// core/engine/state_rules.cc, walked with real containers.

#include <filesystem>
#include <map>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class States : public ImageSandbox {
 protected:
  std::string StateText() const {
    const std::vector<std::string> ids = ListNames(run() + "/containers");
    return ids.empty() ? "" : ReadFileIfThere(run() + "/containers/" + ids.front() + "/state.json");
  }
  // Not ready yet.
  bool IsPublished() const {
    return Eventually([&] {
      const std::string text = StateText();  // not that of a run that has ended
      return Has(text, "\"ready\":0") && !Has(text, "exit_code");
    });
  }
  void Expect(const Output& output, int code, const std::string& text) const {
    EXPECT_EQ(output.code, code) << output;
    EXPECT_NE((output.out + output.err).find(text), std::string::npos) << output;
  }
};

TEST_F(States, EachVerbRefusesWhatTheTableRefuses) {
  RunOk({"create", "--name", "created", Busybox(), "true"});
  RunOk({"run", "--name", "exited", Busybox(), "true"});
  EXPECT_EQ(Run({"run", "--name", "failed", Busybox(), "/nothing"}).code, 127);
  StartSleeper({"--name", "running"});
  StartSleeper({"--name", "paused"});
  RunOk({"pause", "paused"});
  StartSleeper({"--name", "stopping", "--stop-signal", "WINCH"});
  Background stop(Hoy({"stop", "-t", "-1", "stopping"}));
  ASSERT_TRUE(WaitForStatus("stopping", "stopping"));

  // "" is success with nothing to do; what would change the state is not asked here.
  using Complaints = std::map<std::string, std::string>;
  const Complaints down = {{"kill", "is not running"},
                           {"pause", "is not running"},
                           {"unpause", "is not paused"},
                           {"exec", "is not running"},
                           {"attach", "is not running"},
                           {"top", "is not running"},
                           {"stop", ""}};
  const std::map<std::string, Complaints> states = {
      {"created", down},
      {"exited", down},
      {"failed", down},
      {"running", {{"start", ""}, {"unpause", "is not paused"}, {"rm", "is running"}}},
      {"paused",
       {{"start", "is paused"},
        {"start -a", "is paused"},
        {"pause", "is paused already"},
        {"exec", "is paused"},
        {"attach", "is paused"},
        {"rm", "is paused"}}},
      {"stopping", {{"start", ""}, {"unpause", "is not paused"}, {"rm", "is stopping"}}}};
  for (const auto& [state, complaints] : states) {
    for (const auto& [verb, complaint] : complaints) {
      std::vector<std::string> arguments = {verb.substr(0, verb.find(' '))};
      if (verb.ends_with(" -a")) arguments.push_back("-a");
      arguments.push_back(state);
      if (verb == "exec") arguments.push_back("true");
      const Output output = Run(arguments);
      EXPECT_EQ(output.code, complaint.empty() ? 0 : 125) << verb << " " << state << output;
      if (!complaint.empty()) {
        EXPECT_NE(output.err.find("container " + state + " " + complaint + "\n"), std::string::npos)
            << verb << " " << state << output;
      }
      EXPECT_EQ(Status(state), state) << verb;
    }
  }
  Expect(Run({"run", "-d", "--ensure", "--name", "stopping", Busybox()}), 125, "is stopping");
  RunOk({"unpause", "paused"});
  RunOk({"kill", "stopping"});
  EXPECT_EQ(stop.Finish().code, 0);
}

// The list tells of it at once; all others wait until the start is decided.
TEST_F(States, AStartInProgressIsWaitedFor) {
  RunOk({"create", "--name", "one", Busybox(), "sleep", "3600"});
  Background start = Held({"start", "one"}, "start-run-directory");
  ASSERT_TRUE(Eventually([&] {
    return RunOk({"ps", "-a", "--format", "{{.Names}} {{.Status}}"}) == "one Initializing";
  }));
  EXPECT_EQ(RunOk({"ps", "-aq", "--filter", "status=running"}), "");
  Background again(Hoy({"start", "one"}));
  Background exec(Hoy({"exec", "one", "echo", "inside"}));
  Background top(Hoy({"top", "one"}));
  Background unpause(Hoy({"unpause", "one"}));
  Background remove(Hoy({"rm", "one"}));
  Background inspect(Hoy({"inspect", "--format", "{{.State.Status}}", "one"}));
  EXPECT_TRUE(start.Running());
  ASSERT_TRUE(LetGo());
  Expect(start.Finish(), 0, "one\n");
  Expect(again.Finish(), 0, "one\n");
  Expect(exec.Finish(), 0, "inside\n");
  Expect(top.Finish(), 0, "sleep 3600");
  Expect(unpause.Finish(), 125, "is not paused");
  Expect(remove.Finish(), 125, "is running");
  Expect(inspect.Finish(), 0, "ing\n");  // or initializing, still
}

// Its name is free, and nobody reaches it any more; only the list tells of it.
TEST_F(States, ARemovalInProgressIsOutOfReach) {
  const std::string id = RunOk({"create", "--name", "one", Busybox(), "true"});
  Background removal = Held({"rm", "one"}, "remove-renamed");
  ASSERT_TRUE(Eventually(
      [&] { return RunOk({"ps", "-a", "--format", "{{.Status}}"}) == "Removal In Progress"; }));
  EXPECT_EQ(RunOk({"ps", "-q"}), "");
  EXPECT_EQ(RunOk({"ps", "-aq", "--no-trunc", "--filter", "status=removing"}), id);
  for (const char* verb : {"start", "stop", "restart", "kill", "rm", "inspect", "logs", "wait"}) {
    Expect(Run({verb, id}), 1, "no such");
  }
  Expect(Run({"exec", id, "true"}), 125, "no such container");
  RunOk({"rm", "-f", id});
  RunOk({"run", "--rm", "--name", "one", Busybox(), "true"});
  EXPECT_TRUE(removal.Running());
  ASSERT_TRUE(LetGo());
  Expect(removal.Finish(), 0, "one\n");
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

// Its first process is there, and on its way into the container's root still.
TEST_F(States, NobodyGetsInBeforeTheProgramRuns) {
  RunOk({"create", "--name", "one", Busybox(), "sleep", "3600"});
  Background start = Held({"start", "one"}, "monitor-published");
  ASSERT_TRUE(IsPublished());
  Background exec(Hoy({"exec", "one", "cat", "/etc/hostname"}));
  Background copy(Hoy({"cp", "one:/etc/hostname", Path("copied")}));
  Background top(Hoy({"top", "one"}));
  Background commit(Hoy({"commit", "-q", "one", "image"}));
  Background remove(Hoy({"rm", "one"}));
  Background wait(Hoy({"wait", "--condition", "running", "one"}));
  EXPECT_EQ(Status("one"), "initializing");
  EXPECT_EQ(RunOk({"ps", "--format", "{{.Names}} {{.Status}}"}), "one Initializing");
  EXPECT_TRUE(start.Running());
  ASSERT_TRUE(LetGo());
  Expect(start.Finish(), 0, "one\n");
  const std::string name = RunOk({"inspect", "--format", "{{.Config.Hostname}}", "one"}) + "\n";
  Expect(exec.Finish(), 0, name);
  Expect(copy.Finish(), 0, "");
  EXPECT_EQ(ReadFile(Path("copied")), name);
  Expect(top.Finish(), 0, "sleep 3600");
  Expect(commit.Finish(), 0, "");
  Expect(remove.Finish(), 125, "is running");
  Expect(wait.Finish(), 0, "");
  EXPECT_EQ(Status("one"), "running");
}

// Also where its policy would start it again: that can be noted only when the start is over.
TEST_F(States, AStartThatHangsCanBeEnded) {
  RunOk({"create", "--name", "one", "--restart", "always", Busybox(), "sleep", "3600"});
  for (const std::vector<std::string>& verb : std::initializer_list<std::vector<std::string>>{
           {"stop", "-t", "0", "one"}, {"kill", "one"}, {"rm", "-f", "one"}}) {
    SCOPED_TRACE(verb[0]);
    std::filesystem::remove(Path("hold"));
    Background start = Held({"start", "one"}, "monitor-published");
    ASSERT_TRUE(IsPublished());
    const Json state = Json::parse(StateText(), nullptr, false);
    ASSERT_TRUE(state.is_object());
    Background end(Hoy(verb));
    EXPECT_TRUE(Eventually([&] { return !Lives(state["pid"].get<int>()); }));
    ASSERT_TRUE(LetGo());
    Expect(end.Finish(), 0, "one\n");
    Expect(start.Finish(), 125, "'one': its process was killed before its program could run");
    EXPECT_TRUE(verb[0] == "rm" || WaitForStatus("one", "exited"));
  }
  EXPECT_EQ(RunOk({"ps", "-aq"}), "");
}

// "kill, start" is a start, and not the finding that it runs already: its end is published first.
TEST_F(States, WhatWasKilledIsDown) {
  Background run =
      Held({"run", "-d", "--name", "one", Busybox(), "sleep", "3600"}, "monitor-exited");
  ASSERT_EQ(run.Finish().code, 0);
  const int pid = std::stoi(RunOk({"inspect", "--format", "{{.State.Pid}}", "one"}));
  Background kill(Hoy({"kill", "one"}));
  ASSERT_TRUE(Eventually([&] { return !Lives(pid); }));
  EXPECT_FALSE(kill.WaitForOut("one", milliseconds(200)));
  ASSERT_TRUE(LetGo());
  Expect(kill.Finish(), 0, "one\n");
  EXPECT_EQ(Status("one"), "exited");
}

// Its starter and its monitor are killed: nobody takes it over.
TEST_F(States, AHalfStartedContainerIsNotAdopted) {
  RunOk({"create", "--name", "one", Busybox(), "sleep", "3600"});
  Background start = Held({"start", "one"}, "monitor-published");
  ASSERT_TRUE(IsPublished());
  const Json state = Json::parse(StateText(), nullptr, false);
  ASSERT_TRUE(state.is_object());
  Background pause(Hoy({"pause", "one"}));
  start.Signal(SIGKILL);
  ASSERT_EQ(::kill(state["monitor_pid"].get<int>(), SIGKILL), 0);
  start.Finish();
  Expect(Run({"exec", "one", "true"}), 125, "is not running");
  Expect(pause.Finish(), 125, "is not running");
  EXPECT_EQ(Status("one"), "exited");
  RunOk({"start", "one"});
  RunOk({"exec", "one", "true"});
}

}  // namespace
}  // namespace hoy::test
