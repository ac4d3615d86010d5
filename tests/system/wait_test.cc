// wait: its conditions, forms and reasons.

#include <fmt/core.h>
#include <signal.h>
#include <sys/syscall.h>

#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Wait : public ImageSandbox {
 protected:
  static int SystemCallOf(const Background& process) {
    std::ifstream file(fmt::format("/proc/{}/syscall", process.pid()));
    int number = -1;  // it runs
    file >> number;
    return number;
  }
  // It sleeps in poll(2) and waits for its container.
  static bool IsWaiting(const Background& process) {
    return Eventually([&] {
      const int number = SystemCallOf(process);
      return number == SYS_poll || number == SYS_ppoll;
    });
  }
  static bool IsOpeningAFifo(const Background& process) {
    return Eventually([&] { return SystemCallOf(process) == SYS_openat; });
  }
  Json WaitJson(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"wait", "--format", "json"});
    return Json::parse(RunOk(arguments), nullptr, false);
  }
};

TEST_F(Wait, TellsTheReason) {
  RunOk({"run", "-d", "--name", "plain", Busybox(), "sh", "-c", "exit 3"});
  Json plain = WaitJson({"plain"});
  EXPECT_EQ(plain["exit_code"], 3);
  EXPECT_EQ(plain["reason"], "exited");
  EXPECT_EQ(plain["signal"], "");
  EXPECT_EQ(plain["name"], "plain");
  EXPECT_EQ(plain["id"].get<std::string>().size(), 64u);
  EXPECT_NE(plain["finished_at"].get<std::string>().find('T'), std::string::npos);
  StartSleeper({"--name", "killed"});
  RunOk({"kill", "killed"});
  Json killed = WaitJson({"killed"});
  EXPECT_EQ(killed["exit_code"], 137);
  EXPECT_EQ(killed["reason"], "signal");
  EXPECT_EQ(killed["signal"], "SIGKILL");
  Run({"run", "--name", "broken", Busybox(), "/missing"});
  Json broken = WaitJson({"broken"});
  EXPECT_EQ(broken["exit_code"], 127);
  EXPECT_EQ(broken["reason"], "runtime_error");
  EXPECT_NE(broken["error"], "");
  EXPECT_EQ(RunOk({"wait", "--format", "{{.exit_code}} {{.reason}}", "plain"}), "3 exited");
}

TEST_F(Wait, NextExitIsTheEndOfARunThatIsStillToCome) {
  const Output first = Run(
      {"run", "--name", "one", Busybox(), "sh", "-c", "[ -e /ran ] && exit 5; touch /ran; exit 4"});
  EXPECT_EQ(first.code, 4) << first;
  Background wait(Hoy({"wait", "--condition", "next-exit", "one"}));
  ASSERT_TRUE(IsWaiting(wait));
  RunOk({"start", "one"});
  EXPECT_EQ(wait.Finish().out, "5\n");
}

TEST_F(Wait, RunningAndRemovedAreWaitedFor) {
  RunOk(
      {"create", "--name", "one", Busybox(), "sh", "-c", "trap 'exit 6' TERM; sleep 1000 & wait"});
  Background running(Hoy({"wait", "--condition", "running", "one"}));
  Background removed(Hoy({"wait", "--condition", "removed", "one"}));
  ASSERT_TRUE(IsWaiting(running));
  ASSERT_TRUE(IsWaiting(removed));
  RunOk({"start", "one"});
  const Output started = running.Finish();
  EXPECT_EQ(started.code, 0) << started;
  EXPECT_EQ(started.out, "") << "it has no exit code";
  RunOk({"kill", "one"});
  RunOk({"wait", "one"});
  EXPECT_TRUE(removed.Running());
  RunOk({"rm", "one"});
  const Output gone = removed.Finish();
  EXPECT_EQ(gone.code, 0) << gone;
  EXPECT_EQ(gone.out, "137\n");
  EXPECT_EQ(WaitJson({"--condition", "running", StartSleeper()}).contains("exit_code"), false);
}

// Nobody tells of an end that came between its look and its watch.
TEST_F(Wait, AMonitorThatDiesWhileItLooksIsNotMissed) {
  const std::string id = StartSleeper();
  Background wait = Held({"wait", id}, "wait-looked");
  ASSERT_TRUE(IsOpeningAFifo(wait));
  const Json state =
      Json::parse(ReadFile(run() + "/containers/" + id + "/state.json"), nullptr, false);
  for (const char* process : {"monitor_pid", "pid"}) {
    const pid_t pid = state[process];
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(Eventually([&] { return !Lives(pid); })) << process;
  }
  ASSERT_TRUE(LetGo());
  const Output output = wait.Finish();
  EXPECT_TRUE(output.out == "255\n" || output.out == "137\n") << output;
}

TEST_F(Wait, WhatIsRemovedMeanwhileIsCalledWhatItWasCalled) {
  const std::string id = RunOk({"create", "--name", "one", Busybox(), "true"});
  Background wait(Hoy({"wait", "--condition", "running", "one"}));
  ASSERT_TRUE(IsWaiting(wait));
  RunOk({"rm", "one"});
  const Output output = wait.Finish();
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("'one'"), std::string::npos) << output;
  EXPECT_EQ(output.err.find(id), std::string::npos) << output;
}

TEST_F(Wait, AnyEndsWithTheFirst) {
  StartSleeper({"--name", "one"});
  StartSleeper({"--name", "two"});
  Background any(Hoy({"wait", "--any", "--format", "{{.name}} {{.exit_code}}", "one", "two"}));
  ASSERT_TRUE(IsWaiting(any));
  RunOk({"stop", "two"});
  EXPECT_EQ(any.Finish().out, "two 0\n");
  EXPECT_EQ(Status("one"), "running");
  const Output late = Run({"wait", "--timeout", "50ms", "two", "one"});
  EXPECT_EQ(late.code, 124) << late;
  EXPECT_EQ(late.out, "0\n") << "what it knew";
  EXPECT_EQ(Run({"wait", "--any", "--timeout", "50ms", "one"}).code, 124);
  EXPECT_EQ(Run({"wait", "--condition", "bored", "one"}).code, 125);
}

TEST_F(Wait, ALineOfTheLogIsWaitedFor) {
  RunOk({"run", "-d", "--name", "one", "-v", directory() + ":/gate", Busybox(), "sh", "-c",
         "echo begin; while [ ! -e /gate/open ]; do sleep 0.05; done; echo port 8080 ready >&2;"
         "sleep 1000"});
  Background wait(Hoy({"wait", "--log-match", "^port [0-9]+ ready$", "one"}));
  ASSERT_TRUE(IsWaiting(wait));
  WriteFile(Path("open"), "");
  EXPECT_EQ(wait.Finish().out, "port 8080 ready\n");
  EXPECT_EQ(WaitJson({"--log-match", "beg(in|an)", "one"})["line"], "begin") << "from before";
  EXPECT_EQ(Run({"wait", "--log-match", "never", "--timeout", "50ms", "one"}).code, 124);
  RunOk({"run", "--name", "two", Busybox(), "sh", "-c", "printf rea; echo err >&2; echo dy"});
  EXPECT_EQ(RunOk({"wait", "--log-match", "^ready$", "two"}), "ready");
  Background last(Hoy({"wait", "--log-match", "never", "one"}));
  ASSERT_TRUE(IsWaiting(last));
  RunOk({"kill", "one"});
  const Output ended = last.Finish();
  EXPECT_EQ(ended.code, 125) << ended;
  EXPECT_NE(ended.err.find("no line matched"), std::string::npos) << ended;
  WriteFile(Inspect("two")["LogPath"].get<std::string>(), std::string(100, 'x'));
  const Output damaged = Run({"wait", "--log-match", "never", "two"});
  EXPECT_EQ(damaged.code, 125) << damaged;
  EXPECT_NE(damaged.err.find("cannot be read: "), std::string::npos) << damaged;
  const Output wrong = Run({"wait", "--log-match", "a(b", "one"});
  EXPECT_EQ(wrong.code, 125) << wrong;
  EXPECT_NE(wrong.err.find("--log-match 'a(b'"), std::string::npos) << wrong;
}

}  // namespace
}  // namespace hoy::test
