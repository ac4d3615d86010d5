// Resource limits: each flag is read back from the container's own cgroup, and the ones that must
// bite are made to bite. File names: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "tests/support/block_device.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

bool IsV1() {
  return fs::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
}
bool IsV2() {
  return fs::exists("/sys/fs/cgroup/cgroup.controllers");
}

// What a flag must have written; an empty file: this version has no such limit.
struct LimitCase {
  std::vector<std::string> flags;
  std::string v1_file;
  std::string v1_value;
  std::string v2_file;
  std::string v2_value;
};

class Limits : public ImageSandbox {
 protected:
  // The content of a file of the container's cgroup, read from inside.
  Output ReadLimit(const std::vector<std::string>& flags, const std::string& file) const {
    return RunShell("cat /sys/fs/cgroup/" + file, flags);
  }
  void Refuses(const std::vector<std::string>& flags, const std::string& text) const {
    const Output output = RunShell("echo never", flags);
    EXPECT_EQ(output.code, 125) << flags[0] << "\n" << output;
    EXPECT_EQ(output.out, "");
    EXPECT_TRUE(Has(output.err, text)) << output;
    EXPECT_TRUE(ListNames(data() + "/containers").empty());
  }
};

// Without a PID namespace of its own no kernel ends what a container leaves behind.
TEST_F(Limits, WhatIsLeftInTheCgroupEndsWithTheContainer) {
  if (!IsV1() && !IsV2()) SKIP_BECAUSE("this host has no cgroup controllers");
  const Output output = RunShell("sleep 1000 & exit 5", {"--pid", "host"});
  EXPECT_EQ(output.code, 5) << output;
  EXPECT_EQ(output.err, "");
  EXPECT_TRUE(ListNames(data() + "/containers").empty());
}

TEST_F(Limits, AreInTheCgroup) {
  if (!IsV1() && !IsV2()) SKIP_BECAUSE("this host has no cgroup controllers");
  const std::vector<LimitCase> cases = {
      {{"-m", "64m"}, "memory/memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
      {{"-m", "64m", "--memory-reservation", "32m"},
       "memory/memory.soft_limit_in_bytes",
       "33554432",
       "memory.low",
       "33554432"},
      {{"--cpus", "1.5"}, "cpu/cpu.cfs_quota_us", "150000", "cpu.max", "150000 100000"},
      {{"--cpu-quota", "20000", "--cpu-period", "50000"},
       "cpu/cpu.cfs_period_us",
       "50000",
       "cpu.max",
       "20000 50000"},
      {{"--cpu-quota", "20000"}, "cpu/cpu.cfs_quota_us", "20000", "cpu.max", "20000 100000"},
      {{"--cpu-shares", "512"}, "cpu/cpu.shares", "512", "", ""},
      {{"--cpuset-cpus", "0"}, "cpuset/cpuset.cpus", "0", "cpuset.cpus", "0"},
      {{"--cpuset-mems", "0"}, "cpuset/cpuset.mems", "0", "cpuset.mems", "0"},
      {{"--pids-limit", "33"}, "pids/pids.max", "33", "pids.max", "33"},
      {{"--pids-limit", "-1"}, "pids/pids.max", "max", "pids.max", "max"},
  };
  for (const LimitCase& limit : cases) {
    const std::string& file = IsV1() ? limit.v1_file : limit.v2_file;
    if (file.empty()) continue;
    const Output output = ReadLimit(limit.flags, file);
    EXPECT_EQ(output.code, 0) << limit.flags[0] << output;
    EXPECT_EQ(output.out, (IsV1() ? limit.v1_value : limit.v2_value) + "\n") << limit.flags[0];
  }
}

TEST_F(Limits, MemoryAndSwapTogether) {
  if (!fs::exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")) {
    Refuses({"-m", "64m", "--memory-swap", "32m"}, "--memory-swap");
    return;
  }
  const std::string file = "memory/memory.memsw.limit_in_bytes";
  EXPECT_EQ(ReadLimit({"-m", "64m"}, file).out, "134217728\n");
  EXPECT_EQ(ReadLimit({"-m", "64m", "--memory-swap", "96m"}, file).out, "100663296\n");
  EXPECT_EQ(ReadLimit({"-m", "64m", "--memory-swappiness", "10"}, "memory/memory.swappiness").out,
            "10\n");
  Refuses({"-m", "64m", "--memory-swap", "32m"}, "--memory-swap");
}

// Which file holds the weight, if any does, is the kernel's I/O scheduler's affair.
TEST_F(Limits, BlockIoWeightIsSetOrRefusedNeverForgotten) {
  struct WeightFile {
    const char* path;
    const char* content;
  };
  const std::string directory = IsV1() ? "/sys/fs/cgroup/blkio/" : "/sys/fs/cgroup/";
  const std::vector<std::string> names = [&] {
    std::istringstream list(RunShell("ls " + directory).out);
    return std::vector<std::string>(std::istream_iterator<std::string>(list), {});
  }();
  for (const WeightFile& file :
       {WeightFile{"blkio.weight", "300\n"}, WeightFile{"blkio.bfq.weight", "300\n"},
        WeightFile{"io.bfq.weight", "default 300\n"}, WeightFile{"io.weight", "default 2930\n"}}) {
    if (std::ranges::find(names, file.path) == names.end()) continue;
    const Output output = RunShell("cat " + directory + file.path, {"--blkio-weight", "300"});
    EXPECT_EQ(output.out, file.content) << output;
    return;
  }
  Refuses({"--blkio-weight", "300"}, "--blkio-weight");
}

TEST_F(Limits, ThrottlesBlockDevices) {
  if (!IsV1() && !IsV2()) SKIP_BECAUSE("this host has no cgroup controllers");
  const std::string disk = Path("disk");
  const auto found = MakeDiskNode(disk);
  if (!found) SKIP_BECAUSE("this host has no block device");
  const std::string& number = *found;
  const std::vector<std::string> flags = {
      "--device-read-bps=" + disk + ":1m", "--device-write-bps=" + disk + ":2m",
      "--device-read-iops=" + disk + ":30", "--device-write-iops=" + disk + ":40"};
  const std::string files = "/sys/fs/cgroup/blkio/blkio.throttle.";
  const Output output = RunShell(
      IsV1() ? fmt::format("cat {0}read_bps_device {0}write_bps_device {0}read_iops_device "
                           "{0}write_iops_device",
                           files)
             : "cat /sys/fs/cgroup/io.max",
      flags);
  EXPECT_EQ(output.out,
            IsV1() ? fmt::format("{0} 1048576\n{0} 2097152\n{0} 30\n{0} 40\n", number)
                   : fmt::format("{} rbps=1048576 wbps=2097152 riops=30 wiops=40\n", number))
      << output;

  std::vector<std::string> create = {"create", "--name", "one", flags[0], Busybox(), "true"};
  RunOk(create);
  const Json host = Inspect("one")["HostConfig"];
  EXPECT_EQ(host["BlkioDeviceReadBps"],
            Json::parse(fmt::format(R"([{{"Path": "{}", "Rate": 1048576}}])", disk)));
  EXPECT_EQ(host["BlkioDeviceWriteIOps"], Json::array());
  RunOk({"rm", "one"});
  Refuses({"--device-read-bps", disk}, "expected DEVICE:RATE");
  Refuses({"--device-read-bps", disk + ":fast"}, "--device-read-bps");
  Refuses({"--device-write-iops", disk + ":0"}, "--device-write-iops");
  Refuses({"--device-read-iops", "/dev/null:5"}, "not a block device");
  Refuses({"--device-read-iops", "/dev/not-there:5"}, "/dev/not-there");
}

TEST_F(Limits, TooMuchMemoryKillsAndTheRecordKnows) {
  if (!IsV1() && !IsV2()) SKIP_BECAUSE("this host has no cgroup controllers");
  const std::string id =
      RunOk({"create", "-m", "32m", Busybox(), "sh", "-c", "exec tail -c 200000000 /dev/zero"});
  const Output output = Run({"start", "-a", id});
  EXPECT_EQ(output.code, 137) << output;
  const Json state = Inspect(id)["State"];
  EXPECT_EQ(state["ExitCode"], 137) << state;
  EXPECT_EQ(state["OOMKilled"], true) << state;
  const Json record = Json::parse(ReadFile(data() + "/containers/" + id + "/exit.json"));
  EXPECT_EQ(record["oom_killed"], true) << record;
  EXPECT_EQ(RunOk({"wait", "--format", "{{.exit_code}} {{.reason}}", id}), "137 oom_killed");
}

// Its arguments and variables are the new program's memory already.
TEST_F(Limits, TooMuchMemoryBeforeTheProgramRunsIsAFailedStart) {
  if (!IsV1() && !IsV2()) SKIP_BECAUSE("this host has no cgroup controllers");
  std::vector<std::string> run = {"run", "--name", "one", "-m", "6m", "--ulimit", "stack=-1"};
  for (const char* name : {"V", "W"}) {  // a file has at most 4 MiB, all together 6
    std::string variables;
    for (int i = 0; i < 31; ++i) {
      variables += fmt::format("{}{}={}\n", name, i, std::string(100'000, 'x'));
    }
    WriteFile(Path(name), variables);
    run.insert(run.end(), {"--env-file", Path(name)});
  }
  run.insert(run.end(), {Busybox(), "true"});
  const Output output = Run(run);
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(Has(output.err, "its process was killed before its program could run")) << output;
  EXPECT_TRUE(Has(output.err, "the 6291456 bytes of --memory were not enough")) << output;
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
  EXPECT_EQ(Status("one"), "exited");
  EXPECT_EQ(Inspect("one")["State"]["OOMKilled"], true);
}

TEST_F(Limits, AnOrdinaryKillIsNoOutOfMemory) {
  const std::string id = RunOk({"run", "-d", "-m", "32m", Busybox(), "sleep", "1000"});
  RunOk({"kill", id});
  EXPECT_EQ(RunOk({"wait", id}), "137");
  EXPECT_EQ(Inspect(id)["State"]["OOMKilled"], false);
}

TEST_F(Limits, ProcessLimitBites) {
  const Output output = RunShell(
      "i=0; while [ $i -lt 30 ]; do sleep 100 & i=$((i+1)); done; echo all", {"--pids-limit", "8"});
  EXPECT_NE(output.code, 0);
  EXPECT_EQ(output.out, "");
  EXPECT_TRUE(Has(output.err, "fork")) << output;
}

TEST_F(Limits, CpusetDecidesWhereItRuns) {
  const Output output =
      RunShell("grep Cpus_allowed_list /proc/self/status; nproc", {"--cpuset-cpus", "0"});
  EXPECT_EQ(output.out, "Cpus_allowed_list:\t0\n1\n") << output;
}

TEST_F(Limits, CpuQuotaThrottles) {
  if (!IsV1() && !IsV2()) SKIP_BECAUSE("this host has no cgroup controllers");
  // A busy loop under a hundredth of a CPU is throttled in its first period or soon after; the
  // counter says so, whatever the clock does.
  const std::string stat = IsV1() ? "/sys/fs/cgroup/cpu/cpu.stat" : "/sys/fs/cgroup/cpu.stat";
  const Output output =
      RunShell("while ! grep -q 'nr_throttled [1-9]' " + stat + "; do :; done; echo throttled",
               {"--cpus", "0.05"});
  EXPECT_EQ(output.out, "throttled\n") << output;
}

TEST_F(Limits, ExecIsUnderTheSameLimits) {
  const std::string id = StartSleeper({"--pids-limit", "5"});
  const Output output =
      Run({"exec", id, "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 100 & done; echo all"});
  EXPECT_NE(output.code, 0);
  EXPECT_EQ(output.out, "");
}

TEST_F(Limits, GoBelowTheCgroupThatWasAsked) {
  if (!IsV1()) SKIP_BECAUSE("this host has no cgroup v1 controllers");
  // Named after the sandbox, so that the leak check sees it if it stays.
  const std::string parent = "/hoy-test-" + fs::path(directory()).filename().string();
  const std::string id = StartSleeper({"--cgroup-parent", parent});
  EXPECT_TRUE(fs::exists("/sys/fs/cgroup/pids" + parent));
  const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", id});
  EXPECT_TRUE(Has(ReadFile("/proc/" + pid + "/cgroup"), parent + "/"));
  RunOk({"rm", "-f", id});
  for (const char* controller :
       {"memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "devices", "freezer", "systemd"}) {
    const std::string path = fmt::format("/sys/fs/cgroup/{}{}", controller, parent);
    if (!fs::exists(path)) continue;
    for (const auto& entry : fs::directory_iterator(path)) {
      EXPECT_FALSE(entry.is_directory()) << entry.path();
    }
    EXPECT_TRUE(fs::remove(path)) << path;
  }
}

TEST_F(Limits, FilesOfCgroupV2AreRefusedOnV1) {
  if (!IsV1()) SKIP_BECAUSE("this host has no cgroup v1 controllers");
  Refuses({"--cgroup-conf", "memory.high=32M"}, "v2");
  Refuses({"--cgroup-conf", "../x=1"}, "--cgroup-conf");
}

TEST_F(Limits, WhatCannotBeIsRefusedWithItsFlag) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"-m", "1m"}, "6m"},
      {{"-m", "lots"}, "lots"},
      {{"-m", "-5m"}, "--memory"},
      {{"-m", "99999999999999999999g"}, "--memory"},
      {{"--memory-swap", "64m"}, "--memory"},
      {{"-m", "64m", "--memory-reservation", "65m"}, "--memory-reservation"},
      {{"-m", "64m", "--memory-swappiness", "101"}, "--memory-swappiness"},
      {{"--cpus", "1000"}, "--cpus"},
      {{"--cpus", "-1"}, "--cpus"},
      {{"--cpus", "1", "--cpu-quota", "5000"}, "--cpu-quota"},
      {{"--cpu-period", "10"}, "--cpu-period"},
      {{"--cpu-quota", "10"}, "--cpu-quota"},
      {{"--cpuset-cpus", "4096"}, "--cpuset-cpus"},
      {{"--cpuset-cpus", "zero"}, "--cpuset-cpus"},
      {{"--cpuset-mems", "77"}, "--cpuset-mems"},
      {{"--blkio-weight", "5"}, "--blkio-weight"},
      {{"--pids-limit", "many"}, "--pids-limit"},
      {{"--oom-score-adj", "2000"}, "--oom-score-adj"},
      {{"--cgroup-parent", "../../up"}, "--cgroup-parent"},
  };
  for (const auto& [flags, text] : cases) Refuses(flags, text);
}

}  // namespace
}  // namespace hoy::test
