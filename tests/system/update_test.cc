// update: limits of a container that runs and of one that does not, all or nothing.

#include <fmt/core.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/support/block_device.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Update : public ImageSandbox {
 protected:
  static bool IsV1() {
    return std::filesystem::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  }
  // As the container itself sees it.
  std::string Limit(const std::string& v1, const std::string& v2) const {
    return RunOk({"exec", "one", "cat", "/sys/fs/cgroup/" + (IsV1() ? v1 : v2)});
  }
  std::string Memory() const { return Limit("memory/memory.limit_in_bytes", "memory.max"); }
  std::string Pids() const { return Limit("pids/pids.max", "pids.max"); }
};

TEST_F(Update, ChangesARunningContainerAndItsNextStart) {
  StartSleeper({"--name", "one", "-m", "64m", "--cpus", "0.5"});
  EXPECT_EQ(RunOk({"update", "-m", "256m", "--pids-limit", "77", "one"}), "one");
  EXPECT_EQ(Memory(), "268435456");
  EXPECT_EQ(Pids(), "77");
  EXPECT_EQ(Limit("cpu/cpu.cfs_quota_us", "cpu.max"), IsV1() ? "50000" : "50000 100000");
  RunOk({"update", "-m", "32m", "--cpu-quota", "20000", "--cpu-period", "50000", "one"});
  EXPECT_EQ(Memory(), "33554432");
  EXPECT_EQ(Limit("cpu/cpu.cfs_quota_us", "cpu.max"), IsV1() ? "20000" : "20000 50000");
  RunOk({"update", "--pids-limit", "0", "one"});
  EXPECT_EQ(Pids(), "max");

  RunOk({"stop", "-t", "0", "one"});
  RunOk({"update", "--pids-limit", "33", "one"});
  RunOk({"start", "one"});
  EXPECT_EQ(Memory(), "33554432");
  EXPECT_EQ(Pids(), "33");
}

TEST_F(Update, ReachesEveryControllersFiles) {
  const std::string disk = Path("disk");
  const auto number = MakeDiskNode(disk);
  if (!number) SKIP_BECAUSE("this host has no block device");
  StartSleeper({"--name", "one"});
  RunOk({"update", "--cpu-shares", "512", "--memory-reservation", "48m", "--device-read-bps",
         disk + ":1m", "--device-write-iops", disk + ":40", "one"});
  EXPECT_EQ(Limit("cpu/cpu.shares", "cpu.weight"), IsV1() ? "512" : "59");
  EXPECT_EQ(Limit("memory/memory.soft_limit_in_bytes", "memory.low"), "50331648");
  if (IsV1()) {
    EXPECT_EQ(Limit("blkio/blkio.throttle.read_bps_device", ""), *number + " 1048576");
    EXPECT_EQ(Limit("blkio/blkio.throttle.write_iops_device", ""), *number + " 40");
  } else {
    EXPECT_EQ(Limit("", "io.max"), *number + " rbps=1048576 wbps=max riops=max wiops=40");
  }
  RunOk({"update", "--cpu-shares", "2048", "--device-read-bps", disk + ":2m", "one"});
  EXPECT_EQ(Limit("cpu/cpu.shares", "cpu.weight"), IsV1() ? "2048" : "170");
  EXPECT_NE(Limit("blkio/blkio.throttle.read_bps_device", "io.max").find("2097152"),
            std::string::npos);
  // What this kernel has no weights for is refused, and nothing else changes.
  const bool weighs = [&] {
    for (const char* file : {"blkio/blkio.weight", "blkio/blkio.bfq.weight", "io.weight"}) {
      if (Run({"exec", "one", "test", "-e", "/sys/fs/cgroup/" + std::string(file)}).code == 0) {
        return true;
      }
    }
    return false;
  }();
  const Output weight = Run({"update", "--cpu-shares", "1024", "--blkio-weight", "300", "one"});
  EXPECT_EQ(weight.code, weighs ? 0 : 125) << weight;
  EXPECT_EQ(weight.err.find("--blkio-weight") == std::string::npos, weighs) << weight;
  EXPECT_EQ(Limit("cpu/cpu.shares", "cpu.weight") == (IsV1() ? "2048" : "170"), !weighs);
  EXPECT_EQ(Inspect("one")["HostConfig"]["BlkioWeight"], weighs ? 300 : 0);
}

// On cgroup v1 it was started without a cpuset of its own, and gets one.
TEST_F(Update, ConfinesAContainerToCpusWhileItRuns) {
  const std::string id = StartSleeper({"--name", "one"});
  RunOk({"exec", "-d", "one", "sleep", "1001"});
  // Init and the session: what else is there for a moment is none of ours.
  const std::vector<std::string> pids = [&] {
    const Json one = Inspect("one");
    return std::vector<std::string>{one["State"]["Pid"].dump(),
                                    one["ExecSessions"][0]["Pid"].dump()};
  }();
  const auto cpus = [](const std::string& pid) {
    const std::string status = ReadFile("/proc/" + pid + "/status");
    const std::string key = "Cpus_allowed_list:\t";
    const size_t at = status.find(key) + key.size();
    return status.substr(at, status.find('\n', at) - at);
  };
  const std::string before = cpus(pids[0]);
  // What is refused is refused as a whole.
  const Output refused =
      Run({"update", "--cpuset-cpus", "0", "--cgroup-conf", "memory.high=tea", "one"});
  EXPECT_EQ(refused.code, 125) << refused;
  for (const std::string& pid : pids) EXPECT_EQ(cpus(pid), before);
  // Where there are no weights, that shows when it has its cpuset already.
  const Output weight = Run({"update", "--cpuset-cpus", "0", "--blkio-weight", "300", "one"});
  if (weight.code != 0) {
    for (const std::string& pid : pids) {
      EXPECT_EQ(cpus(pid), before);
      const std::string cgroups = ReadFile("/proc/" + pid + "/cgroup");
      const size_t at = cgroups.find("cpuset:");
      const bool has_own =
          at != std::string::npos &&
          cgroups.substr(at, cgroups.find('\n', at) - at).find("/hoy-") != std::string::npos;
      EXPECT_FALSE(has_own) << cgroups;
    }
    EXPECT_EQ(Inspect("one")["HostConfig"]["CpusetCpus"], "");
  }

  RunOk({"update", "--cpuset-cpus", "0", "--cpuset-mems", "0", "one"});
  for (const std::string& pid : pids) {
    EXPECT_EQ(cpus(pid), "0");
    const std::string cgroups = ReadFile("/proc/" + pid + "/cgroup");
    EXPECT_EQ(cgroups.find("cpuset:/") != std::string::npos, IsV1());
    if (!IsV1()) continue;
    EXPECT_NE(cgroups.find("/hoy-" + id, cgroups.find("cpuset:")), std::string::npos);
  }
  EXPECT_EQ(RunOk({"exec", "one", "nproc"}), "1") << "who comes later is in it, too";
  EXPECT_EQ(Inspect("one")["HostConfig"]["CpusetCpus"], "0");
  RunOk({"update", "--cpuset-cpus", before, "one"});
  EXPECT_EQ(cpus(pids[0]), before);
  RunOk({"rm", "-f", "one"});  // the leak check looks for its cgroups
}

TEST_F(Update, ThatIsRefusedChangesNothing) {
  StartSleeper({"--name", "one", "-m", "64m", "--memory-swap", "96m", "--pids-limit", "50"});
  // Larger than the swap that goes with it.
  const Output swap = Run({"update", "--pids-limit", "60", "-m", "128m", "one"});
  EXPECT_EQ(swap.code, 125) << swap;
  EXPECT_NE(swap.err.find("--memory-swap"), std::string::npos) << swap;
  EXPECT_EQ(Pids(), "50");
  // Only the kernel can tell: a file of another cgroup version, or a word that it does not take.
  const Output conf =
      Run({"update", "--pids-limit", "60", "--cgroup-conf", "memory.high=tea", "one"});
  EXPECT_EQ(conf.code, 125) << conf;
  EXPECT_NE(conf.err.find("--cgroup-conf"), std::string::npos) << conf;
  EXPECT_EQ(Pids(), "50");
  EXPECT_EQ(Memory(), "67108864");
  RunOk({"stop", "-t", "0", "one"});
  RunOk({"start", "one"});
  EXPECT_EQ(Pids(), "50");  // nor in the record
  EXPECT_EQ(Memory(), "67108864");
}

// The policy that counts is the one on record when the container ends.
TEST_F(Update, ChangesTheRestartPolicyOfARunningContainer) {
  RunOk({"run", "-d", "--name", "one", Busybox(), "sh", "-c",
         "echo >> /runs; [ $(wc -l < /runs) -gt 1 ] && exec sleep 1000; "
         "until [ -e /go ]; do sleep 0.1; done; exit 3"});
  EXPECT_EQ(RunOk({"update", "--restart", "on-failure:4", "one"}), "one");
  const Json policy = Inspect("one")["HostConfig"]["RestartPolicy"];
  EXPECT_EQ(policy["Name"], "on-failure");
  EXPECT_EQ(policy["MaximumRetryCount"], 4);
  RunOk({"exec", "one", "touch", "/go"});
  EXPECT_TRUE(Eventually(
      [&] { return Inspect("one")["RestartCount"] == 1 && Status("one") == "running"; }));
  RunOk({"update", "--restart", "no", "--pids-limit", "55", "one"});
  EXPECT_EQ(Pids(), "55");
  ASSERT_EQ(kill(Inspect("one")["State"]["Pid"].get<int>(), SIGKILL), 0);
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
  EXPECT_EQ(Status("one"), "exited");
  EXPECT_EQ(RunOk({"events", "--since", "1h", "--until", "0s", "-f", "event=update", "--format",
                   "{{.Action}} {{.Actor.Attributes.name}}"}),
            "update one\nupdate one");

  EXPECT_EQ(Run({"update", "--restart", "sometimes", "one"}).code, 125);
  StartSleeper({"--rm", "--name", "two"});
  const Output removed = Run({"update", "--restart", "always", "two"});
  EXPECT_EQ(removed.code, 125) << removed;
  EXPECT_EQ(RunOk({"update", "--restart", "no", "two"}), "two");
}

TEST_F(Update, TellsWhatCannotBeChanged) {
  StartSleeper({"--name", "one"});
  const Output kernel = Run({"update", "--kernel-memory", "64m", "one"});
  EXPECT_EQ(kernel.code, 0) << kernel;
  EXPECT_NE(kernel.err.find("warning: --kernel-memory"), std::string::npos) << kernel;
  EXPECT_EQ(Run({"update", "one"}).code, 125);
  const Output some = Run({"update", "--pids-limit", "9", "nobody", "one"});
  EXPECT_EQ(some.code, 1) << some;
  EXPECT_EQ(some.out, "one\n");
  EXPECT_EQ(Pids(), "9");
  EXPECT_EQ(Run({"update", "--memory", "1m", "one"}).code, 125);
}

}  // namespace
}  // namespace hoy::test
