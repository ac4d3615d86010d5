// stats: once, live on a terminal and into a pipe, with containers that come and go.

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Stats : public ImageSandbox {
 protected:
  std::string StartBusy(const std::string& name, std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {"run", "-d", "--name", name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& word : {Busybox(), std::string("sh"), std::string("-c"),
                                    std::string("trap 'exit 0' TERM; while :; do :; done")}) {
      arguments.push_back(word);
    }
    return RunOk(arguments);
  }
  Json Row(const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {"stats", "--no-stream", "--format", "json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Json::parse(RunOk(arguments));
  }
};

TEST_F(Stats, TellOnceWhatAContainerUses) {
  const std::string id = StartBusy("busy", {"-m", "64m", "--pids-limit", "20", "--cpus", "0.5"});
  const Json row = Row({"busy"});
  EXPECT_EQ(row["ID"], id.substr(0, 12));
  EXPECT_EQ(row["Name"], "busy");
  EXPECT_GT(row["CPUPercent"].get<double>(), 0.0) << row;
  EXPECT_GT(row["MemoryBytes"].get<long>(), 0) << row;
  EXPECT_EQ(row["MemoryLimitBytes"], 64 << 20) << row;
  EXPECT_TRUE(row["MemUsage"].get<std::string>().ends_with(" / 64MiB")) << row;
  EXPECT_EQ(row["PIDCount"], 1) << row;
  EXPECT_EQ(row["PIDLimit"], 20) << row;
  EXPECT_EQ(row["NetIO"], "0B / 0B") << row;
  EXPECT_TRUE(row["ThrottledPeriods"].is_number()) << row;
  EXPECT_EQ(Row({"--no-trunc", "busy"})["ID"], id);

  RunOk({"pause", "busy"});
  EXPECT_EQ(Row({"busy"})["CPUPercent"].get<double>(), 0.0);
  RunOk({"unpause", "busy"});
  EXPECT_EQ(RunOk({"stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}"}), "busy 1");
  EXPECT_EQ(Run({"stats", "--no-stream", "--format", "{{.Nonsense"}).code, 125);
  EXPECT_EQ(Run({"stats", "--no-stream", "nobody"}).code, 1);
}

TEST_F(Stats, DoNotCountTheCacheThatNobodyMisses) {
  RunOk({"run", "-d", "--name", "one", Busybox(), "sh", "-c",
         "trap 'exit 0' TERM; head -c 50000000 /dev/zero > /big; touch /ready; sleep 1000 & wait"});
  ASSERT_TRUE(Eventually([&] { return Run({"exec", "one", "test", "-e", "/ready"}).code == 0; }));
  const bool v1 = std::filesystem::exists("/sys/fs/cgroup/memory");
  const std::string files = v1 ? "/sys/fs/cgroup/memory/memory." : "/sys/fs/cgroup/memory.";
  const auto number = [&](const std::string& command) {
    return std::stol(RunOk({"exec", "one", "sh", "-c", command}));
  };
  const long usage = number("cat " + files + (v1 ? "usage_in_bytes" : "current"));
  const long inactive = number("sed -n 's/^" + std::string(v1 ? "total_" : "") +
                               "inactive_file //p' " + files + "stat");
  const long shown = Row({"one"})["MemoryBytes"].get<long>();
  // The exec sessions, which are gone, had some memory, too.
  constexpr long kSlack = 16 << 20;
  EXPECT_LE(shown, usage - inactive + kSlack) << usage << " " << inactive;
  // Where DATA is in memory there is no such cache.
  if (inactive > 2 * kSlack) {
    EXPECT_LT(shown, usage - kSlack) << inactive;
  }
}

TEST_F(Stats, ShowsTheHostsNetworkAndStoppedContainersAsMissing) {
  StartSleeper({"--name", "host", "--network", "host"});
  RunOk({"create", "--name", "idle", Busybox(), "true"});
  EXPECT_EQ(Row({"host"})["NetIO"], "-- / --");
  const Json idle = Row({"idle"});
  EXPECT_EQ(idle["CPUPerc"], "--");
  EXPECT_EQ(idle["PIDs"], "--");
  EXPECT_TRUE(idle["MemoryBytes"].is_null());
  const std::string running = RunOk({"stats", "--no-stream"});
  EXPECT_TRUE(running.starts_with("CONTAINER ID   NAME ")) << running;
  EXPECT_NE(running.find("CPU %"), std::string::npos) << running;
  EXPECT_EQ(running.find("idle"), std::string::npos) << running;
  EXPECT_NE(RunOk({"stats", "--no-stream", "-a"}).find("idle"), std::string::npos);
  EXPECT_NE(RunOk({"stats", "--no-stream", "-w"}).find("MEM PEAK"), std::string::npos);
}

TEST_F(Stats, IsDrawnInPlaceOnATerminalUntilCtrlC) {
  StartSleeper({"--name", "a-container-with-quite-a-long-name"});
  Pty screen(Hoy({"stats"}), {24, 60});
  ASSERT_TRUE(screen.Expect("CONTAINER ID"));
  StartSleeper({"--name", "second"});
  ASSERT_TRUE(screen.Expect("second"));  // came meanwhile
  RunOk({"rm", "-f", "second"});
  ASSERT_TRUE(screen.Expect("\033[3A\r"));  // over the two rows and their header
  ASSERT_TRUE(screen.Expect("\033[2A\r"));  // went again
  screen.Send("\x03");
  EXPECT_EQ(screen.Finish(), 0) << screen.screen();
  EXPECT_TRUE(screen.IsCooked());
  std::istringstream lines(screen.screen());
  for (std::string line; std::getline(lines, line);) {
    // Escape sequences and a carriage return take no room; "…" is one column of three bytes.
    EXPECT_LE(line.size(), 60u + 16u) << line;
  }
}

TEST_F(Stats, GoesOnInAPipeAndEndsWithTheContainersItWasGiven) {
  StartSleeper({"--name", "one"});
  EXPECT_EQ(Run({"stats", "--interval", "0", "one"}).code, 125);
  Background stats(Hoy({"stats", "-i", "1", "--format",
                        "{{.Name}} {{if eq .PIDs \"--\"}}down{{else}}up{{end}}", "one"}));
  ASSERT_TRUE(stats.WaitForOut("one up\none up\n"));
  RunOk({"stop", "-t", "0", "one"});
  ASSERT_TRUE(stats.WaitForOut("one down\n"));
  RunOk({"rm", "one"});
  const Output output = stats.Finish();
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out.find('\033'), std::string::npos) << output;

  Background all(Hoy({"stats", "--format", "{{.Name}}!"}));
  StartSleeper({"--name", "two"});
  ASSERT_TRUE(all.WaitForOut("two!"));
  all.Signal(SIGINT);
  EXPECT_EQ(all.Finish().code, 0);
}

}  // namespace
}  // namespace hoy::test
