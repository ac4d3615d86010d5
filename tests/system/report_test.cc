// The exit report and --timing.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class ExitReport : public ImageSandbox {
 protected:
  static Json ReadJson(const std::string& path) { return Json::parse(std::ifstream(path)); }
  // Uses some processor, writes some memory, and ends with 3.
  static constexpr const char* kWork =
      "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; x=$(head -c 4000000 /dev/zero | tr '\\0' "
      "a);"
      "exit 3";
};

TEST_F(ExitReport, TellsWhatARunHasUsed) {
  const std::string file = Path("report.json");
  EXPECT_EQ(RunShell(kWork, {"--name", "one", "-m", "64m", "--report", file}).code, 3);
  const Json report = ReadJson(file);
  EXPECT_EQ(report["Name"], "one");
  EXPECT_EQ(report["ExitCode"], 3);
  const Json& used = report["Resources"];
  EXPECT_GT(used["WallUs"].get<long>(), 0) << report;
  EXPECT_GT(used["CPU"]["TotalUs"].get<long>(), 0) << report;
  EXPECT_TRUE(used["CPU"]["UserUs"].is_number()) << report;
  EXPECT_GT(used["Memory"]["PeakBytes"].get<long>(), 1 << 20) << report;
  EXPECT_EQ(used["Memory"]["OOMKills"], 0) << report;
  EXPECT_GT(used["Memory"]["PageFaults"].get<long>(), 100) << report;
  ASSERT_GE(used["Start"].size(), 5u) << report;
  EXPECT_EQ(used["Start"].back()["Name"], "program runs");
  // What this cgroup version does not count is not there.
  const bool v2 = std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers");
  EXPECT_EQ(used.contains("Pressure"), v2) << report;
}

// What it is made to wait for, what it writes, and how many it was.
TEST_F(ExitReport, TellsOfThrottlingBlockIoAndTheMostProcesses) {
  const std::string file = Path("report.json");
  const Output output = RunShell(
      "stat=/sys/fs/cgroup/cpu/cpu.stat; [ -e $stat ] || stat=/sys/fs/cgroup/cpu.stat;"
      "until grep -q 'nr_throttled [1-9]' $stat; do :; done; sleep 0 & sleep 0 & wait;"
      "head -c 100000 /dev/zero > /file; sync /file",
      {"--cpus", "0.1", "--report", file});
  EXPECT_EQ(output.code, 0) << output;
  const Json used = ReadJson(file)["Resources"];
  EXPECT_GT(used["CPU"]["ThrottledUs"].get<long>(), 0) << used;
  EXPECT_GT(used["CPU"]["ThrottledPeriods"].get<long>(), 0) << used;
  for (const char* number : {"ReadBytes", "WrittenBytes", "ReadOperations", "WriteOperations"}) {
    EXPECT_TRUE(used["BlockIO"][number].is_number_unsigned()) << number << used;
  }
  // Linux 6.10 and later.
  const bool v2 = std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers");
  const std::string inside = v2 ? "/sys/fs/cgroup/pids.peak" : "/sys/fs/cgroup/pids/pids.peak";
  if (RunShell("test -e " + inside).code == 0) {
    EXPECT_GE(used["PIDs"]["Peak"].get<long>(), 2) << used;
  }
}

TEST_F(ExitReport, GoesToADescriptorOrToStderr) {
  const Output line = RunShell("exit 4", {"--report", "-"});
  EXPECT_EQ(line.code, 4) << line;
  EXPECT_TRUE(line.err.starts_with("hoy: report: wall ")) << line;
  EXPECT_EQ(std::count(line.err.begin(), line.err.end(), '\n'), 1) << line;

  Command through_shell = Hoy({"run", "--rm", "--report", "fd:5", Busybox(), "true"});
  through_shell.argv.insert(through_shell.argv.begin(),
                            {"sh", "-c", "exec \"$@\" 5>" + Path("fd.json"), "sh"});
  EXPECT_EQ(RunCommand(through_shell).code, 0);
  EXPECT_EQ(ReadJson(Path("fd.json"))["ExitCode"], 0);

  EXPECT_EQ(RunShell("true", {"--report", "fd:77"}).code, 125);
  EXPECT_EQ(RunShell("true", {"--report", "fd:x"}).code, 125);
  EXPECT_EQ(RunShell("true", {"--report", Path("no/such/directory")}).code, 125);
  EXPECT_EQ(Run({"run", "-d", "--report", "-", Busybox(), "true"}).code, 125);
  EXPECT_EQ(Run({"create", "--report", "fd:1", Busybox(), "true"}).code, 125);
}

// Nobody but the monitor sees these end.
TEST_F(ExitReport, IsKeptForInspectAndWrittenForDetachedContainers) {
  const std::string file = Path("report.json");
  const std::string id = StartSleeper({"--name", "one"});
  EXPECT_EQ(RunOk({"inspect", "-f", "{{json .State.Resources}}", "one"}), "null");
  RunOk({"stop", "one"});
  const Json used = Inspect("one")["State"]["Resources"];
  EXPECT_GT(used["WallUs"].get<long>(), 0) << used;
  EXPECT_GT(used["Memory"]["PeakBytes"].get<long>(), 0) << used;
  EXPECT_FALSE(used.contains("Start")) << used;
  EXPECT_FALSE(RunOk({"inspect", "-f", "{{.State.Resources.CPU.TotalUs}}", "one"}).empty());
  RunOk({"start", "one"});
  EXPECT_EQ(RunOk({"inspect", "-f", "{{json .State.Resources}}", "one"}), "null");

  RunOk({"run", "-d", "--rm", "--report", file, Busybox(), "true"});
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(file); }));
  EXPECT_EQ(ReadJson(file)["ExitCode"], 0);
}

TEST_F(ExitReport, TellsWhyAStartFailed) {
  const std::string file = Path("report.json");
  const Output foreground = Run({"run", "--rm", "--report", file, Busybox(), "no-such-program"});
  EXPECT_EQ(foreground.code, 127) << foreground;
  Json report = ReadJson(file);
  EXPECT_EQ(report["ExitCode"], 127);
  EXPECT_NE(foreground.err.find(report["Error"].get<std::string>()), std::string::npos) << report;
  EXPECT_FALSE(report.contains("StartedAt")) << report;
  std::filesystem::remove(file);
  EXPECT_EQ(Run({"run", "-d", "--report", file, Busybox(), "/etc"}).code, 126);
  EXPECT_EQ(ReadJson(file)["ExitCode"], 126);
  const Output line = Run({"run", "--rm", "--report", "-", Busybox(), "no-such-program"});
  EXPECT_NE(line.err.find("hoy: report: its program did not run\n"), std::string::npos) << line;
  const Output timing = Run({"run", "--rm", "--timing", Busybox(), "no-such-program"});
  EXPECT_NE(timing.err.find("hoy: timing: "), std::string::npos) << timing;
}

TEST_F(ExitReport, OfAnEarlierRunIsNotTakenForThisOne) {
  const std::string file = Path("report.json");
  EXPECT_EQ(Run({"run", "--rm", "--report", file, Busybox(), "true"}).code, 0);
  EXPECT_EQ(Run({"run", "--rm", "--report", file, "--pull", "never", "nosuch", "true"}).code, 125);
  const Json report = ReadJson(file);
  EXPECT_EQ(report["ExitCode"], 125) << report;
  EXPECT_EQ(report["Image"], "nosuch") << report;
  EXPECT_TRUE(report["Error"].is_string()) << report;
}

TEST_F(ExitReport, LeavesWhatIsThereInItsPlace) {
  namespace fs = std::filesystem;
  auto run = [&](const std::string& target) {
    return Run({"run", "--rm", "--report", target, Busybox(), "true"}).code;
  };
  fs::create_directory(Path("real"));
  fs::create_symlink("real/report", Path("link"));
  EXPECT_EQ(run(Path("link")), 0);
  EXPECT_TRUE(fs::is_symlink(Path("link")));
  EXPECT_EQ(ReadJson(Path("real/report"))["ExitCode"], 0);
  fs::create_symlink("/dev/null", Path("null"));
  EXPECT_EQ(run(Path("null")), 0);
  EXPECT_TRUE(fs::is_symlink(Path("null")));
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  const Fd reader(open(Path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_EQ(run(Path("fifo")), 0);
  EXPECT_TRUE(fs::is_fifo(Path("fifo")));
  std::string text(1 << 16, '\0');
  const ssize_t count = read(reader.get(), text.data(), text.size());
  ASSERT_GT(count, 0);
  EXPECT_EQ(Json::parse(text.substr(0, static_cast<size_t>(count)))["ExitCode"], 0);
  EXPECT_EQ(run(Path("real")), 125) << "a directory";
}

TEST_F(ExitReport, TimingShowsWhereTheStartWent) {
  const Output output = RunShell("echo out", {"--timing"});
  EXPECT_EQ(output.out, "out\n");
  for (const char* mark : {"options", "image", "record", "cgroup", "program runs"}) {
    EXPECT_NE(output.err.find(fmt::format(" {}\n", mark)), std::string::npos) << mark << output;
  }
  EXPECT_EQ(RunShell("true").err, "");
}

}  // namespace
}  // namespace hoy::test
