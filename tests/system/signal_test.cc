// Signals to hoy run and start -a: what reaches the container.

#include <fmt/core.h>
#include <signal.h>

#include <sstream>

#include "tests/support/pty.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Signals : public ImageSandbox {
 protected:
  // Writes the number of every signal that it gets; ends with 42 at TERM.
  Background Listener(std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {"run", "--rm", "--name", "one"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const std::string script =
        "for s in 1 2 3 10 12 13 14 18 23 28 34 37 64; do trap \"echo got-$s\" $s; done;"
        "trap 'exit 42' 15; echo ready; while :; do sleep 0.02; done";
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    return Background(Hoy(arguments));
  }

  static size_t Count(const std::string& text, const std::string& what) {
    size_t count = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
    return count;
  }
};

TEST_F(Signals, AreProxiedToTheContainer) {
  Background run = Listener();
  ASSERT_TRUE(run.WaitForOut("ready"));
  for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, 34, 37, 64}) {
    run.Signal(signal);
    EXPECT_TRUE(run.WaitForOut(fmt::format("got-{}\n", signal))) << signal;
  }
  run.Signal(SIGTERM);
  EXPECT_EQ(run.Finish().code, 42);
}

TEST_F(Signals, ThatAreHoysOwnAreNotProxied) {
  Background run = Listener();
  ASSERT_TRUE(run.WaitForOut("ready"));
  for (int signal : {SIGCHLD, SIGURG, SIGUSR1}) run.Signal(signal);
  ASSERT_TRUE(run.WaitForOut("got-10\n"));
  run.Signal(SIGPIPE);  // ends hoy itself, as it does every plain program
  RunOk({"kill", "-s", "USR1", "one"});
  EXPECT_EQ(Count(run.out(), "got-23"), 0u) << run.out();
  EXPECT_EQ(Count(run.out(), "got-13"), 0u) << run.out();
  RunOk({"kill", "-s", "TERM", "one"});
  run.Finish();
}

TEST_F(Signals, ReachTheProgramBehindTheBuiltInInit) {
  Background run = Listener({"--init"});
  ASSERT_TRUE(run.WaitForOut("ready"));
  run.Signal(SIGUSR2);
  EXPECT_TRUE(run.WaitForOut("got-12\n"));
  run.Signal(SIGTERM);
  const Output output = run.Finish();
  EXPECT_EQ(output.code, 42);
  EXPECT_EQ(output.err, "");  // that init awaits signals, and has no handlers
}

TEST_F(Signals, EndHoyAloneWithoutTheProxy) {
  Background run = Listener({"--sig-proxy=false"});
  ASSERT_TRUE(run.WaitForOut("ready"));
  run.Signal(SIGUSR1);  // means nothing to hoy
  run.Signal(SIGTERM);
  const Output output = run.Finish();
  EXPECT_NE(output.code, 42) << output;
  EXPECT_NE(output.code, 0) << output;
  EXPECT_EQ(RunOk({"exec", "one", "echo", "alive"}), "alive");
  RunOk({"kill", "-s", "TERM", "one"});
  EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
}

// PID 1 is not ended by what it has no handler for: the client does not hang on it in silence.
TEST_F(Signals, ThatPidOneDoesNotHearAreSaidAndLeaveAtTheThird) {
  Background run(
      Hoy({"run", "--rm", "--name", "one", Busybox(), "sh", "-c", "echo ready; exec sleep 1000"}));
  ASSERT_TRUE(run.WaitForOut("ready"));
  ASSERT_TRUE(Eventually([&] { return RunOk({"top", "one", "-o", "comm"}).ends_with("sleep"); }));
  for (const char* then : {"2 times more leaves it running (hoy stop one)", "once more leaves it",
                           "it goes on without this client"}) {
    run.Signal(SIGINT);
    EXPECT_TRUE(run.WaitForErr(then)) << run.err();
  }
  const Output output = run.Finish();
  EXPECT_EQ(output.code, 130) << output;
  EXPECT_TRUE(
      output.err.starts_with("hoy: warning: 'one' has no handler for SIGINT, and PID 1 is "
                             "not ended without one; "))
      << output;
  EXPECT_EQ(RunOk({"ps", "--format", "{{.State}}"}), "running");
  RunOk({"kill", "one"});
}

TEST_F(Signals, LeaveATerminalWhoseProgramDoesNotHeedThem) {
  Pty run(Hoy({"run", "-it", "--rm", "--name", "one", Busybox(), "sh"}));
  ASSERT_TRUE(run.Expect("# "));
  run.Signal(SIGTERM);
  EXPECT_EQ(run.Finish(), 143) << run.screen();
  EXPECT_NE(run.screen().find("'one' ignores SIGTERM; it goes on without this client"),
            std::string::npos)
      << run.screen();
  EXPECT_TRUE(run.IsCooked());

  Pty attach(Hoy({"attach", "one"}));
  ASSERT_TRUE(attach.Expect("# "));
  attach.Signal(SIGHUP);
  EXPECT_EQ(attach.Finish(), 129) << attach.screen();
  EXPECT_EQ(RunOk({"ps", "--format", "{{.State}}"}), "running");

  Pty exec(Hoy({"exec", "-it", "one", "sh"}));
  ASSERT_TRUE(exec.Expect("# "));
  exec.Signal(SIGTERM);
  EXPECT_EQ(exec.Finish(), 143) << exec.screen();
  EXPECT_NE(exec.screen().find("'sh' ignores SIGTERM; it is killed"), std::string::npos)
      << exec.screen();
  EXPECT_TRUE(
      Eventually([&] { return RunOk({"inspect", "--format", "{{len .ExecIDs}}", "one"}) == "0"; }));
  RunOk({"kill", "one"});
}

TEST_F(Signals, KillACommandThatIgnoresThemAtTheThird) {
  StartSleeper({"--name", "one"});
  Background exec(Hoy({"exec", "one", "sh", "-c", "trap '' TERM; echo up; sleep 1000; true"}));
  ASSERT_TRUE(exec.WaitForOut("up"));
  for (const char* then : {"2 times more kills it", "once more kills it", "it is killed"}) {
    exec.Signal(SIGTERM);
    EXPECT_TRUE(exec.WaitForErr(then)) << exec.err();
  }
  EXPECT_EQ(exec.Finish().code, 143);
  EXPECT_TRUE(
      Eventually([&] { return RunOk({"inspect", "--format", "{{len .ExecIDs}}", "one"}) == "0"; }));
}

TEST_F(Signals, AReaderThatLeavesEndsTheContainer) {
  Command command = Hoy({});
  const std::string run = fmt::format("{} run --rm --name one {}", HoyProgram(), Busybox());
  command.argv = {"bash", "-c", run + " yes | head -n 1; echo ${PIPESTATUS[0]}"};
  const Output output = RunCommand(command);
  EXPECT_FALSE(output.timed_out);
  EXPECT_EQ(output.out, "y\n141\n") << output;
  EXPECT_EQ(output.err, "");
  EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
}

TEST_F(Signals, DispositionsOfTheCallerDoNotLeakIn) {
  Command command = Hoy({});
  command.argv = {"bash", "-c",
                  fmt::format("trap '' TERM HUP PIPE USR1; exec {} run --rm {} grep -E "
                              "'SigIgn|SigBlk|SigCgt' /proc/self/status",
                              HoyProgram(), Busybox())};
  const Output output = RunCommand(command);
  EXPECT_EQ(output.out,
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n")
      << output;
}

TEST_F(Signals, AKilledClientLeavesTheContainerRunning) {
  Background run = Listener();
  ASSERT_TRUE(run.WaitForOut("ready"));
  run.Signal(SIGKILL);
  run.Finish();
  EXPECT_EQ(RunOk({"exec", "one", "echo", "alive"}), "alive");
  RunOk({"kill", "-s", "USR1", "one"});
  Background logs(Hoy({"logs", "-f", "one"}));
  EXPECT_TRUE(logs.WaitForOut("got-10"));
  RunOk({"stop", "one"});
  EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
}

TEST_F(Signals, KillDoesNotWaitForAClientThatIsStopped) {
  Background client(Hoy({"run", "--name", "one", Busybox(), "sh", "-c", "echo up; sleep 1000"}));
  ASSERT_TRUE(client.WaitForOut("up"));
  client.Signal(SIGSTOP);
  Command kill = Hoy({"kill", "one"});
  kill.timeout = seconds(20);
  const Output output = RunCommand(kill);
  EXPECT_EQ(output.code, 0) << output;
  client.Signal(SIGCONT);
  EXPECT_EQ(client.Finish().code, 137);
}

}  // namespace
}  // namespace hoy::test
