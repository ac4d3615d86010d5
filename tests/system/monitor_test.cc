// The monitor may die; the container, its output and its exit code may not.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Monitor : public ImageSandbox {
 protected:
  // Runs until there is a file /gate/open.
  std::string StartGated(const std::string& before, const std::string& after,
                         std::vector<std::string> options = {}) const {
    std::filesystem::create_directories(Path("gate"));
    std::vector<std::string> arguments = {"run", "-d", "--name",
                                          "one", "-v", Path("gate") + ":/gate"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const std::string script =
        before + "; while [ ! -e /gate/open ]; do sleep 0.02; done; " + after;
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    const std::string id = RunOk(arguments);
    if (before.find("echo") != std::string::npos) {
      // What a killed monitor and a dead container leave in the pipe is gone with them.
      EXPECT_TRUE(Eventually([&] { return !Run({"logs", id}).out.empty(); }));
    }
    return id;
  }
  void Open() const { WriteFile(Path("gate/open"), ""); }

  static int NumberAfter(const std::string& text, const std::string& key) {
    const size_t at = text.find(key);
    return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + key.size());
  }
  std::string StateOf(const std::string& id) const {
    return ReadFileIfThere(run() + "/containers/" + id + "/state.json");
  }
  int MonitorOf(const std::string& id) const {
    return NumberAfter(StateOf(id), "\"monitor_pid\":");
  }
  int InitOf(const std::string& id) const { return NumberAfter(StateOf(id), "\"pid\":"); }

  void KillMonitor(const std::string& id) const {
    const int pid = MonitorOf(id);
    ASSERT_GT(pid, 0);
    ASSERT_EQ(ReadFile(fmt::format("/proc/{}/comm", pid)), "hoy-monitor\n");
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(Eventually([&] { return !Lives(pid); }));
  }
  // Processes of this name whose label is this container's.
  std::vector<int> ProcessesNamed(const std::string& name, const std::string& id) const {
    std::vector<int> found;
    for (int pid : ProcessesOf(Traces())) {
      const std::string line = ReadFileIfThere(fmt::format("/proc/{}/cmdline", pid));
      if (line.starts_with(name) && line.find(id.substr(0, 12)) != std::string::npos) {
        found.push_back(pid);
      }
    }
    return found;
  }
  size_t MonitorsOf(const std::string& id) const {
    return ProcessesNamed("hoy-monitor", id).size();
  }
  // From then on it has the container: what happens to that does not escape it.
  bool AwaitMonitor(const std::string& id) const {
    return Eventually([&] { return MonitorsOf(id) == 1 && Lives(MonitorOf(id)); });
  }
  // Of a monitor: the one where clients connect, and one for each client.
  static size_t SocketsOf(int pid) {
    size_t count = 0;
    for (const std::string& fd : ListNames(fmt::format("/proc/{}/fd", pid))) {
      std::error_code gone;
      const auto target =
          std::filesystem::read_symlink(fmt::format("/proc/{}/fd/{}", pid, fd), gone);
      count += target.string().starts_with("socket:");
    }
    return count;
  }
  // PIDFD_INFO_EXIT: the exit status of a process that is not a child (Linux 6.15).
  static bool KernelTellsForeignExits() {
    utsname system{};
    ::uname(&system);
    int major = 0;
    int minor = 0;
    std::sscanf(system.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 15);
  }
};

TEST_F(Monitor, ItsDeathCostsTheContainerNothing) {
  for (const char* verb : {"ps", "wait", "logs", "inspect", "exec", "stop"}) {
    const std::string id =
        StartGated("trap 'exit 44' TERM; echo before", "echo after; echo err >&2; exit 23");
    const int init = InitOf(id);
    KillMonitor(id);
    EXPECT_TRUE(Lives(init)) << verb;
    if (std::string_view(verb) == "wait") {
      Background wait(Hoy({"wait", "one"}));
      ASSERT_TRUE(AwaitMonitor(id)) << verb;
      Open();
      EXPECT_EQ(wait.Finish().out, KernelTellsForeignExits() ? "23\n" : "255\n") << verb;
    } else {
      std::vector<std::string> arguments = {verb};
      if (std::string_view(verb) != "ps") arguments.emplace_back("one");
      if (std::string_view(verb) == "exec") arguments.emplace_back("true");
      RunOk(arguments);
      const bool stopped = std::string_view(verb) == "stop";
      // The guard of a session has the same name, and goes a moment after its client.
      EXPECT_TRUE(Eventually([&] { return MonitorsOf(id) == (stopped ? 0u : 1u); })) << verb;
      Open();
      const std::string code = stopped ? "44" : "23";
      EXPECT_EQ(RunOk({"wait", "one"}), KernelTellsForeignExits() ? code : "255") << verb;
      if (!stopped) {
        const Output logs = Run({"logs", "one"});
        EXPECT_EQ(logs.out, "before\nafter\n") << verb;
        EXPECT_EQ(logs.err, "err\n") << verb;
      }
    }
    RunOk({"rm", "-f", "one"});
    std::filesystem::remove(Path("gate/open"));
  }
}

// More than a pipe holds is written while no monitor reads: the container waits, and gets no
// SIGPIPE.
TEST_F(Monitor, OutputWrittenWithoutAMonitorIsInTheLog) {
  const std::string id = StartGated(
      "echo before", "i=0; while [ $i -lt 60000 ]; do echo line-$i; i=$((i+1)); done; exit 3");
  KillMonitor(id);
  const int init = InitOf(id);
  Open();
  // It blocks when the FIFO is full.
  ASSERT_TRUE(Eventually([&] {
    const std::string where = ReadFileIfThere(fmt::format("/proc/{}/syscall", init));
    return where.starts_with("1 ");  // write(2) on x86-64
  }));
  EXPECT_TRUE(Lives(init));
  EXPECT_EQ(RunOk({"wait", "one"}), KernelTellsForeignExits() ? "3" : "255");
  std::istringstream lines(RunOk({"logs", "one"}));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line, "before");
  int count = 0;
  while (std::getline(lines, line)) ASSERT_EQ(line, fmt::format("line-{}", count++));
  EXPECT_EQ(count, 60000);
}

TEST_F(Monitor, ALogThatCannotBeOpenedDoesNotKeepItFromHolding) {
  const std::string id = StartGated("trap 'exit 44' TERM; echo before", "exit 3");
  KillMonitor(id);
  const std::string log = data() + "/containers/" + id + "/stdio.log";
  std::filesystem::rename(log, log + ".aside");
  std::filesystem::create_directory(log);
  EXPECT_EQ(RunOk({"exec", "one", "echo", "in"}), "in");
  EXPECT_TRUE(Lives(MonitorOf(id)));
  // Nor does the want of any monitor keep it from being ended.
  KillMonitor(id);
  for (const char* verb : {"stop", "rm"}) {
    Command end = Hoy({verb, "one"});
    end.env["HOY_LIBEXEC"] = "/nonexistent";
    const Output output = RunCommand(end);
    EXPECT_EQ(output.code, 0) << output;
  }
}

TEST_F(Monitor, KilledAgainAndAgainThereIsAlwaysAnother) {
  const std::string id = StartGated("echo start", "echo end; exit 5");
  for (int round = 0; round < 4; ++round) {
    KillMonitor(id);
    RunOk({"ps"});
    EXPECT_EQ(MonitorsOf(id), 1u);
  }
  Open();
  EXPECT_EQ(RunOk({"wait", "one"}), KernelTellsForeignExits() ? "5" : "255");
  EXPECT_EQ(RunOk({"logs", "one"}), "start\nend");
}

TEST_F(Monitor, CommandsThatHealAtOnceGiveOneMonitor) {
  const std::string id = StartGated("echo start", "exit 6");
  KillMonitor(id);
  std::vector<Background> commands;
  for (int i = 0; i < 4; ++i) {
    commands.emplace_back(Hoy({"ps"}));
    commands.emplace_back(Hoy({"logs", "one"}));
  }
  for (Background& command : commands) EXPECT_EQ(command.Finish().code, 0);
  EXPECT_EQ(MonitorsOf(id), 1u);
  Open();
  EXPECT_EQ(RunOk({"wait", "one"}), KernelTellsForeignExits() ? "6" : "255");
}

TEST_F(Monitor, ATerminalOutlivesIt) {
  const std::string id = StartGated("trap 'touch /gate/hup' HUP; echo before",
                                    "[ -t 0 ] && echo after; exit 23", {"-it"});
  for (int round = 0; round < 3; ++round) {
    KillMonitor(id);
    RunOk({"ps"});
    ASSERT_EQ(MonitorsOf(id), 1u);
    EXPECT_EQ(ProcessesNamed("hoy-keeper", id).size(), 1u);
  }
  Open();
  EXPECT_EQ(RunOk({"wait", "one"}), KernelTellsForeignExits() ? "23" : "255");
  EXPECT_EQ(RunOk({"logs", "one"}), "before\r\nafter\r");
  EXPECT_FALSE(std::filesystem::exists(Path("gate/hup"))) << "the terminal was hung up";
  EXPECT_TRUE(Eventually([&] { return ProcessesNamed("hoy-keeper", id).empty(); }));
}

TEST_F(Monitor, HearsAContainerThatHadClosedItsTerminal) {
  RunOk({"run", "-dt", "--name", "one", Busybox(), "sh", "-c",
         "exec <&- >&- 2>&-; while [ ! -e /go ]; do sleep 0.05; done;"
         "seq 1 5000 >/dev/console; exit 3"});
  RunOk({"exec", "one", "touch", "/go"});
  EXPECT_EQ(RunOk({"wait", "one"}), "3");
  std::string expected;
  for (int i = 1; i <= 5000; ++i) expected += fmt::format("{}\r\n", i);
  EXPECT_TRUE(RunOk({"logs", "one"}) + "\n" == expected);
}

// Only the safety is lost with it.
TEST_F(Monitor, TheKeeperOfATerminalMayDie) {
  const std::string id = StartGated("echo before", "echo after; exit 23", {"-it"});
  const std::vector<int> keepers = ProcessesNamed("hoy-keeper", id);
  ASSERT_EQ(keepers.size(), 1u);
  ::kill(keepers[0], SIGKILL);
  ASSERT_TRUE(Eventually([&] { return !Lives(keepers[0]); }));
  Open();
  EXPECT_EQ(RunOk({"wait", "one"}), "23");
  EXPECT_EQ(RunOk({"logs", "one"}), "before\r\nafter\r");
  RunOk({"rm", "one"});
  std::filesystem::remove(Path("gate/open"));

  // A terminal that nobody holds is hung up, and a monitor adopts what goes on without one.
  const std::string other =
      StartGated("trap 'touch /gate/hup' HUP; echo before", "exit 23", {"-it"});
  ::kill(ProcessesNamed("hoy-keeper", other).at(0), SIGKILL);
  KillMonitor(other);
  EXPECT_TRUE(Eventually([&] { return std::filesystem::exists(Path("gate/hup")); }));
  RunOk({"ps"});
  EXPECT_EQ(MonitorsOf(other), 1u);
  Open();
  EXPECT_EQ(RunOk({"wait", "one"}), KernelTellsForeignExits() ? "23" : "255");
}

TEST_F(Monitor, LostTogetherWithItsContainerTheStatusIsUnknownAndNeverZero) {
  const std::string id = StartGated("echo start", "exit 0");
  const int init = InitOf(id);
  KillMonitor(id);
  Open();
  ASSERT_TRUE(Eventually([&] { return !Lives(init); }));
  const Output wait = Run({"wait", "one"});
  EXPECT_EQ(wait.out, "255\n") << wait;
  EXPECT_NE(wait.err.find("unknown"), std::string::npos) << wait;
  EXPECT_EQ(RunOk({"logs", "one"}), "start");
  EXPECT_NE(Inspect("one")["State"]["ExitCode"], 0);
  // And it can be started again.
  EXPECT_EQ(Run({"start", "-a", "one"}).code, 0);
}

TEST_F(Monitor, AContainerThatRemovesItselfDoesSoUnderASecondMonitor) {
  const std::string id = StartGated("echo start", "exit 7", {"--rm"});
  KillMonitor(id);
  Background wait(Hoy({"wait", "one"}));
  ASSERT_TRUE(AwaitMonitor(id));
  Open();
  EXPECT_EQ(wait.Finish().out, KernelTellsForeignExits() ? "7\n" : "255\n");
  EXPECT_TRUE(Eventually([&] { return ListNames(data() + "/containers").empty(); }));
}

// Its clients give the container another one, and go on where they were.
TEST_F(Monitor, ItsClientsSurviveIt) {
  std::filesystem::create_directories(Path("gate"));
  const std::string script =
      "echo up; while [ ! -e /gate/more ]; do sleep 0.02; done; seq 1 100000;"
      "while [ ! -e /gate/open ]; do sleep 0.02; done; echo late; exit 8";
  for (const bool removes : {false, true}) {
    std::vector<std::string> arguments = {"run", "--name", "one", "-v", Path("gate") + ":/gate"};
    if (removes) arguments.emplace_back("--rm");
    for (const std::string& text : {Busybox(), std::string("sh"), std::string("-c"), script}) {
      arguments.push_back(text);
    }
    Background run_one(Hoy(arguments));
    ASSERT_TRUE(run_one.WaitForOut("up"));
    const std::string id = ListNames(run() + "/containers").at(0);
    Background client(Hoy({"attach", "one"}));
    ASSERT_TRUE(Eventually([&] { return SocketsOf(MonitorOf(id)) == 3; }));
    KillMonitor(id);
    ASSERT_TRUE(AwaitMonitor(id));
    WriteFile(Path("gate/more"), "");
    EXPECT_TRUE(client.WaitForOut("100000\n"));
    EXPECT_TRUE(run_one.WaitForOut("100000\n"));
    KillMonitor(id);
    ASSERT_TRUE(Eventually([&] { return SocketsOf(MonitorOf(id)) == 3; }));
    Open();
    std::string numbers;
    for (int i = 1; i <= 100000; ++i) numbers += fmt::format("{}\n", i);
    const int code = KernelTellsForeignExits() ? 8 : 255;
    const Output output = run_one.Finish();
    EXPECT_EQ(output.code, code) << output.err;
    EXPECT_TRUE(output.out == "up\n" + numbers + "late\n") << output.out.size();
    const Output attached = client.Finish();
    EXPECT_EQ(attached.code, code) << attached.err;
    EXPECT_TRUE(attached.out == numbers + "late\n") << attached.out.size();
    EXPECT_EQ(ListNames(data() + "/containers").empty(), removes);
    RunOk({"rm", "-f", "one"});
    std::filesystem::remove(Path("gate/open"));
    std::filesystem::remove(Path("gate/more"));
  }
}

TEST_F(Monitor, ASessionOnATerminalSurvivesIt) {
  Pty terminal(Hoy({"run", "-it", "--name", "one", Busybox(), "sh"}));
  ASSERT_TRUE(terminal.Expect("# "));
  const std::string id = ListNames(run() + "/containers").at(0);
  for (int round = 0; round < 3; ++round) {
    KillMonitor(id);
    terminal.Send(fmt::format("echo round-$(({} + 1))\n", round));
    ASSERT_TRUE(terminal.Expect(fmt::format("round-{}\r\n", round + 1))) << terminal.screen();
  }
  terminal.Send("exit 17\n");
  EXPECT_EQ(terminal.Finish(), KernelTellsForeignExits() ? 17 : 255) << terminal.screen();
  EXPECT_TRUE(terminal.IsCooked());
}

// It writes into its own FIFOs, steals from them, and kills everything beside it.
TEST_F(Monitor, WhatAContainerDoesToItselfHurtsOnlyIt) {
  const std::string id = StartGated(
      "echo first; echo aside > /proc/1/fd/2; cat /proc/1/fd/1 > /dev/null & echo mine; kill -9 $!;"
      "wait; head -c 300000 /dev/zero > /proc/1/fd/1; echo whole; touch /gate/whole",
      "echo last; exit 6");
  Background client(Hoy({"attach", "one"}));
  ASSERT_TRUE(Eventually([&] { return SocketsOf(MonitorOf(id)) == 2; }));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("gate/whole")); }));
  Background other(Hoy({"exec", "one", "sleep", "1000"}));
  ASSERT_TRUE(Eventually(
      [&] { return RunOk({"exec", "one", "ps"}).find("sleep 1000") != std::string::npos; }));
  RunOk({"exec", "one", "sh", "-c", "kill -9 -1"});
  EXPECT_EQ(other.Finish().code, 137);
  // The guards of the sessions have the same name, and go a moment after their clients.
  EXPECT_TRUE(Eventually([&] { return MonitorsOf(id) == 1u; })) << MonitorsOf(id);
  Open();
  EXPECT_EQ(client.Finish().code, 6);
  EXPECT_TRUE(client.out().ends_with("last\n")) << client.out().size();
  const Output logs = Run({"logs", "one"});
  EXPECT_TRUE(logs.out.ends_with("whole\nlast\n")) << logs.out.size();
  EXPECT_GE(logs.out.size(), 300000u);
  EXPECT_TRUE(logs.err.starts_with("aside\n")) << logs.err;
}

TEST_F(Monitor, NotesAnOomKill) {
  const Output output = Run({"run", "--name", "one", "--memory", "16m", "--memory-swap", "16m",
                             Busybox(), "sh", "-c", "tail /dev/zero"});
  EXPECT_EQ(output.code, 137) << output;
  EXPECT_EQ(Inspect("one")["State"]["OOMKilled"], true);
  Run({"run", "--name", "two", "--memory", "16m", Busybox(), "true"});
  EXPECT_EQ(Inspect("two")["State"]["OOMKilled"], false);
}

TEST_F(Monitor, NotesTheSignalAndTheTimes) {
  EXPECT_EQ(
      Run({"run", "--name", "one", Busybox(), "sh", "-c", "kill -9 $$; exit 3", "--init"}).code, 3)
      << "PID 1 is safe from itself";
  StartSleeper({"--name", "two"});
  RunOk({"kill", "two"});
  EXPECT_EQ(RunOk({"wait", "two"}), "137");
  const Json state = Inspect("two")["State"];
  EXPECT_EQ(state["ExitCode"], 137);
  EXPECT_LT(state["StartedAt"].get<std::string>(), state["FinishedAt"].get<std::string>());
}

TEST_F(Monitor, TimeoutKillsWith124) {
  const Output output = Run({"run", "--name", "one", "--timeout", "1", Busybox(), "sleep", "1000"});
  EXPECT_EQ(output.code, 124) << output;
  EXPECT_EQ(RunOk({"wait", "one"}), "124");
}

TEST_F(Monitor, IgnoresWhatTheTerminalOrTheShellSends) {
  const std::string id = StartGated("echo up", "exit 9");
  for (int signal : {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE}) ::kill(MonitorOf(id), signal);
  Open();
  EXPECT_EQ(RunOk({"wait", "one"}), "9");
}

TEST_F(Monitor, WithoutATerminalThereIsNoKeeper) {
  const std::string id = StartGated("echo up", "exit 0", {"-i"});
  EXPECT_TRUE(ProcessesNamed("hoy-keeper", id).empty());
  EXPECT_FALSE(std::filesystem::exists(run() + "/containers/" + id + "/pty.sock"));
}

#if HOY_STATIC_BUILD  // as it is shipped: shared libraries and a sanitizer's shadow are not its own
class SmallMonitor : public Monitor, public testing::WithParamInterface<const char*> {};

TEST_P(SmallMonitor, WithAnyLogDriver) {
  std::vector<std::string> options = {std::string("--log-driver=") + GetParam(),
                                      "--log-opt=max-size=1m", "--log-opt=max-file=3",
                                      "--log-opt=compress=true"};
  const std::string id = StartGated("head -c 3000000 /dev/zero; echo; echo up", "exit 0", options);
  Background logs(Hoy({"logs", "-f", "one"}));
  ASSERT_TRUE(logs.WaitForOut("up"));
  std::vector<Background> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(Hoy({"attach", "one"}));
  ASSERT_TRUE(Eventually([&] { return SocketsOf(MonitorOf(id)) == 9; }));
  const std::string rollup = ReadFile(fmt::format("/proc/{}/smaps_rollup", MonitorOf(id)));
  const int dirty = NumberAfter(rollup, "Private_Dirty:");
  const int pss = NumberAfter(rollup, "Pss:");
  RecordProperty("private_dirty_kib", dirty);
  RecordProperty("pss_kib", pss);
  EXPECT_GT(dirty, 0) << rollup;
  EXPECT_LE(dirty, 256) << rollup;
  EXPECT_LE(pss, 1024) << rollup;
}
INSTANTIATE_TEST_SUITE_P(Every, SmallMonitor, testing::Values("file", "json-file"),
                         [](const auto& driver) { return std::string(driver.param).substr(0, 4); });
#endif

TEST_F(Monitor, KilledBeforeTheStartItIsSaidAndNothingStays) {
  for (const char* point : {"monitor-cloned", "monitor-published"}) {
    Command run = Hoy({"run", "--rm", Busybox(), "true"});
    run.env["HOY_FAIL_POINT"] = point;
    const Output output = RunCommand(run);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find("the monitor was killed before the container could start"),
              std::string::npos)
        << point << output;
  }
  EXPECT_EQ(ListNames(data() + "/containers").size(), 0u);
}

// What the monitor will execute one day stands in its plans.
TEST_F(Monitor, ItsPlansAreOutOfTheContainersReach) {
  const std::string id = StartSleeper({"--init"});
  EXPECT_EQ(RunOk({"exec", id, "sh", "-c", "grep hoy-plans /proc/1/maps; echo $?"}), "1");
  const std::string maps = ReadFile(fmt::format("/proc/{}/maps", MonitorOf(id)));
  const size_t name = maps.find("hoy-plans");
  ASSERT_NE(name, std::string::npos) << maps;
  const size_t line = maps.rfind('\n', name) + 1;
  const size_t space = maps.find(' ', line);
  EXPECT_EQ(maps.substr(space + 1, 4), "r--p") << "nobody else sees what is written there";
  const Fd file(::open(
      fmt::format("/proc/{}/map_files/{}", MonitorOf(id), maps.substr(line, space - line)).c_str(),
      O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(file) << strerror(errno);
  EXPECT_EQ(::pwrite(file.get(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM) << "it is sealed";
}

// A container that closes its streams, and goes on, must not keep the monitor busy.
TEST_F(Monitor, RestsWhileTheContainerHoldsNoStream) {
  const std::string id = StartGated("echo up; exec >&- 2>&- <&-", "exit 0");
  Background logs(Hoy({"logs", "-f", "one"}));
  ASSERT_TRUE(logs.WaitForOut("up"));
  const std::string stat_path = fmt::format("/proc/{}/stat", MonitorOf(id));
  const auto cpu_ticks = [&] {
    std::istringstream fields(ReadFile(stat_path).substr(ReadFile(stat_path).rfind(") ") + 2));
    std::string field;
    long ticks = 0;
    for (int i = 3; i <= 15 && fields >> field; ++i) ticks += i >= 14 ? std::stol(field) : 0;
    return ticks;
  };
  const long before = cpu_ticks();
  RunOk({"exec", "one", "sleep", "1"});
  EXPECT_LT(cpu_ticks() - before, 20) << "of 100 in that second";
}

}  // namespace
}  // namespace hoy::test
