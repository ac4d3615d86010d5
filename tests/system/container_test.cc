// What a container sees: namespaces, devices, mounts, privileges. Everything is read back from
// inside, where it counts. Expected values: OCI runtime-spec 1.2 (config-linux.md, "Default
// Devices" and "Default Filesystems") and what docker's users are used to.

#include <fmt/core.h>

#include <filesystem>
#include <sstream>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

class Container : public ImageSandbox {
 protected:
  // The last line of /proc/self/mountinfo for this mount point.
  std::string MountOf(const std::string& point, std::vector<std::string> options = {}) const {
    return Shell(fmt::format("awk '$5 == \"{}\"' /proc/self/mountinfo | tail -n 1", point),
                 std::move(options));
  }

  // The value of a "Name:\tvalue" line of /proc/self/status.
  std::string StatusLine(const std::string& name, std::vector<std::string> options = {}) const {
    return Shell(fmt::format("sed -n 's/^{}:[[:space:]]*//p' /proc/self/status", name),
                 std::move(options));
  }
};

TEST_F(Container, HasNamespacesOfItsOwn) {
  for (const char* kind : {"pid", "ipc", "uts", "mnt", "net", "cgroup"}) {
    const std::string host = fs::read_symlink(fmt::format("/proc/self/ns/{}", kind));
    EXPECT_NE(Shell(fmt::format("readlink /proc/self/ns/{}", kind)), host) << kind;
  }
}

TEST_F(Container, SharesNamespacesWithTheHostWhenAsked) {
  for (const char* kind : {"pid", "ipc", "uts"}) {
    const std::string host = fs::read_symlink(fmt::format("/proc/self/ns/{}", kind));
    EXPECT_EQ(
        Shell(fmt::format("readlink /proc/self/ns/{}", kind), {fmt::format("--{}", kind), "host"}),
        host);
  }
  EXPECT_EQ(Shell("readlink /proc/self/ns/cgroup", {"--cgroupns", "host"}),
            fs::read_symlink("/proc/self/ns/cgroup").string());
}

TEST_F(Container, SeesItsOwnProcessesOnly) {
  EXPECT_EQ(Shell("echo $$; echo /proc/[0-9]*"), "1\n/proc/1");
}

TEST_F(Container, SeesItsOwnCgroupAsTheRoot) {
  EXPECT_EQ(Shell("cut -d: -f3 /proc/self/cgroup | sort -u"), "/");
}

TEST_F(Container, HasTheDefaultDevicesAndNoOthers) {
  EXPECT_EQ(Shell("cd /dev; for d in null zero full random urandom tty; do"
                  " stat -c '%n %F %t:%T %a' $d; done"),
            "null character special file 1:3 666\n"
            "zero character special file 1:5 666\n"
            "full character special file 1:7 666\n"
            "random character special file 1:8 666\n"
            "urandom character special file 1:9 666\n"
            "tty character special file 5:0 666");
  EXPECT_EQ(Shell("find /dev -xdev ! -type d ! -type c ! -type l | wc -l"), "0");
  EXPECT_EQ(Shell("ls /dev/mem /dev/kmsg /dev/loop-control 2>/dev/null | wc -l"), "0");
  EXPECT_EQ(Shell("cd /dev; for l in fd stdin stdout stderr ptmx; do readlink $l; done"),
            "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx");
}

TEST_F(Container, DevicesWork) {
  EXPECT_EQ(Shell("echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 8 /dev/urandom | wc -c;"
                  "echo x 2>/dev/null >/dev/full || echo full"),
            "4\n8\nfull");
}

TEST_F(Container, CannotOpenADeviceItMadeItself) {
  // The device cgroup refuses; mknod itself is allowed, as in docker.
  const Output output = RunShell("mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem");
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(Has(output.err, "Operation not permitted")) << output;
}

TEST_F(Container, MountsTheKernelFileSystemsSafely) {
  EXPECT_TRUE(Has(MountOf("/proc"), "rw,nosuid,nodev,noexec")) << MountOf("/proc");
  EXPECT_TRUE(Has(MountOf("/sys"), "ro,nosuid,nodev,noexec")) << MountOf("/sys");
  EXPECT_TRUE(Has(MountOf("/dev"), "nosuid")) << MountOf("/dev");
  EXPECT_TRUE(Has(MountOf("/dev/pts"), "nosuid,noexec")) << MountOf("/dev/pts");
  EXPECT_TRUE(Has(MountOf("/dev/mqueue"), "nosuid,nodev,noexec")) << MountOf("/dev/mqueue");
  EXPECT_TRUE(Has(MountOf("/dev/shm"), "size=65536k")) << MountOf("/dev/shm");
  EXPECT_TRUE(Has(MountOf("/sys/fs/cgroup"), "ro,")) << MountOf("/sys/fs/cgroup");
}

// A JVM takes its limits from cgroup v1 only where it finds all of these.
TEST_F(Container, ShowsTheHierarchiesThatRuntimesLookFor) {
  if (!fs::exists("/sys/fs/cgroup/cpuset")) return;  // cgroup v2
  EXPECT_EQ(Shell("cd /sys/fs/cgroup; cat */memory.limit_in_bytes */cpu.shares */cpuacct.usage "
                  "*/cpuset.cpus | wc -l"),
            "4");
}

TEST_F(Container, HasAnOverlayRootThatTheHostDoesNotSee) {
  const std::string id = StartSleeper();
  EXPECT_TRUE(Has(RunOk({"exec", id, "awk", "$5 == \"/\"", "/proc/self/mountinfo"}), " overlay "));
  EXPECT_FALSE(Has(ReadFile("/proc/self/mountinfo"), directory()));
  EXPECT_EQ(RunOk({"exec", id, "sh", "-c", "ls /.old* /oldroot 2>/dev/null | wc -l"}), "0");
}

TEST_F(Container, MasksWhatTellsOfTheHost) {
  EXPECT_EQ(Shell("for p in kcore keys timer_list interrupts; do"
                  " [ -e /proc/$p ] && wc -c </proc/$p; done; ls -A /proc/acpi /proc/scsi"
                  " /sys/firmware 2>/dev/null | grep -v : | grep -c .; true"),
            [&] {
              std::string zeros;
              for (const char* name : {"kcore", "keys", "timer_list", "interrupts"}) {
                if (fs::exists(std::string("/proc/") + name)) zeros += "0\n";
              }
              return zeros + "0";
            }());
}

TEST_F(Container, CannotWriteToTheKernelsSettings) {
  const Output output = RunShell("echo 1 >/proc/sys/kernel/panic");
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(Has(output.err, "Read-only file system")) << output;
  EXPECT_NE(RunShell("echo h >/proc/sysrq-trigger").code, 0);
  EXPECT_NE(RunShell("mkdir /sys/fs/cgroup/pids/x || mkdir /sys/fs/cgroup/x").code, 0);
}

TEST_F(Container, UnmasksByPathPatternAndAll) {
  const std::string show = "awk '$5 ~ \"^/proc/\" {print $5}' /proc/self/mountinfo | sort -u";
  const std::string usual = Shell(show);
  EXPECT_TRUE(Has(usual, "/proc/sys\n")) << usual;
  const std::string some = Shell(show, {"--security-opt", "unmask=/proc/sys:/proc/k*"});
  EXPECT_FALSE(Has(some, "/proc/sys\n")) << some;
  EXPECT_FALSE(Has(some, "/proc/kcore")) << some;
  EXPECT_TRUE(Has(some, "/proc/bus") || Has(some, "/proc/irq")) << some;
  EXPECT_EQ(Shell(show, {"--security-opt", "unmask=ALL"}), "");
  EXPECT_EQ(Shell("cat /etc/passwd", {"--security-opt", "mask=/etc/passwd"}), "");
}

TEST_F(Container, HasDockersDefaultCapabilities) {
  // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW
  // SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP, as bits of linux/capability.h.
  constexpr const char* kDefault = "00000000a80425fb";
  EXPECT_EQ(StatusLine("CapBnd"), kDefault);
  EXPECT_EQ(StatusLine("CapEff"), kDefault);
  EXPECT_EQ(StatusLine("CapPrm"), kDefault);
  EXPECT_EQ(StatusLine("CapInh"), "0000000000000000");
  EXPECT_EQ(StatusLine("CapAmb"), "0000000000000000");
}

TEST_F(Container, AddsAndDropsCapabilities) {
  EXPECT_EQ(StatusLine("CapEff", {"--cap-drop", "ALL"}), "0000000000000000");
  EXPECT_EQ(StatusLine("CapEff", {"--cap-drop", "all", "--cap-add", "chown"}), "0000000000000001");
  EXPECT_EQ(StatusLine("CapEff", {"--cap-drop", "CAP_MKNOD", "--cap-drop", "net_raw"}),
            "00000000a00405fb");
  EXPECT_EQ(StatusLine("CapEff", {"--cap-add", "NET_ADMIN"}), "00000000a80435fb");
  const Output unknown = RunShell("true", {"--cap-add", "FLY"});
  EXPECT_EQ(unknown.code, 125);
  EXPECT_TRUE(Has(unknown.err, "FLY")) << unknown;
}

TEST_F(Container, ACapabilityDecidesWhatWorks) {
  EXPECT_NE(RunShell("ip link add d0 type dummy").code, 0);
  EXPECT_NE(RunShell("chown 1 /etc/passwd", {"--cap-drop", "CHOWN"}).code, 0);
  EXPECT_EQ(RunShell("ip link set lo mtu 1400", {"--cap-add", "NET_ADMIN"}).code, 0);
}

TEST_F(Container, RefusesDangerousSystemCalls) {
  EXPECT_EQ(StatusLine("Seccomp"), "2");
  // None of these would hurt the host if it were allowed. Without CAP_SYS_ADMIN the kernel itself
  // refuses most of them; unshare -r and the new mount API it does not.
  for (const char* call :
       {"unshare -m true", "unshare -r true", "mount -t tmpfs x /tmp", "umount /dev/shm",
        "pivot_root /tmp /tmp", "swapoff /nothing", "chroot /tmp true; nsenter -t 1 -n true"}) {
    const Output output = RunShell(call);
    EXPECT_NE(output.code, 0) << call;
    EXPECT_TRUE(Has(output.err, "not permitted") || Has(output.err, "denied")) << call << output;
  }
}

// Where nothing is connected: the host's node could be changed by its descriptor, for everybody.
TEST_F(Container, HasItsOwnNullDevice) {
  const std::string look =
      "(stat -L -c %d:%i /dev/null /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 >/x); mv /x /seen";
  const std::string id = RunOk({"run", "-d", Busybox(), "sh", "-c",
                                "stat -L -c %d:%i /dev/null /proc/self/fd/0; exec sleep 3600"});
  const auto all_same = [](const std::string& lines, size_t count) {
    const std::string line = lines.substr(0, lines.find('\n') + 1);
    std::string expected;
    for (size_t i = 0; i < count; ++i) expected += line;
    return !line.empty() && lines == expected;
  };
  EXPECT_TRUE(Eventually([&] { return all_same(Run({"logs", id}).out, 2); }));
  EXPECT_TRUE(all_same(
      Run({"exec", id, "stat", "-L", "-c", "%d:%i", "/dev/null", "/proc/self/fd/0"}).out, 2));
  RunOk({"exec", "-d", id, "sh", "-c", look});
  EXPECT_TRUE(Eventually([&] { return all_same(Run({"exec", id, "cat", "/seen"}).out, 4); }))
      << Run({"exec", id, "cat", "/seen"});
  // Never by the host's where it has none.
  RunOk({"exec", id, "rm", "/dev/null"});
  const Output without = Run({"exec", id, "true"});
  EXPECT_EQ(without.code, 125) << without;
  EXPECT_TRUE(Has(without.err, "connect standard streams")) << without;
}

TEST_F(Container, SeccompCanBeTurnedOffOrReplaced) {
  EXPECT_EQ(StatusLine("Seccomp", {"--security-opt", "seccomp=unconfined"}), "0");
  WriteFile(Path("no-mkdir.json"),
            R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)"
            R"({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]})");
  const Output output =
      RunShell("mkdir /x", {"--security-opt", "seccomp=" + Path("no-mkdir.json")});
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(Has(output.err, "No space left")) << output;  // errno 28 is ENOSPC
  EXPECT_EQ(RunShell("true", {"--security-opt", "seccomp=" + Path("missing")}).code, 125);
  WriteFile(Path("bad.json"), "{");
  EXPECT_EQ(RunShell("true", {"--security-opt", "seccomp=" + Path("bad.json")}).code, 125);
}

TEST_F(Container, GivesNoNewPrivilegesOnlyWhenAsked) {
  EXPECT_EQ(StatusLine("NoNewPrivs"), "0");
  EXPECT_EQ(StatusLine("NoNewPrivs", {"--security-opt", "no-new-privileges"}), "1");
  EXPECT_EQ(StatusLine("NoNewPrivs", {"--security-opt", "no-new-privileges=true", "-u", "app"}),
            "1");
}

TEST_F(Container, PrivilegedGivesEverythingHoyHas) {
  const Output host = RunCommand({.argv = {"sed", "-n", "s/^CapEff:\\t//p", "/proc/self/status"}});
  EXPECT_EQ(StatusLine("CapEff", {"--privileged"}) + "\n", host.out);
  EXPECT_EQ(StatusLine("Seccomp", {"--privileged"}), "0");
  EXPECT_EQ(Shell("mount -t tmpfs x /tmp && echo mounted", {"--privileged"}), "mounted");
  EXPECT_EQ(Shell("awk '$5 ~ \"^/proc/\"' /proc/self/mountinfo", {"--privileged"}), "");
  EXPECT_TRUE(Has(MountOf("/sys", {"--privileged"}), " rw,"));
}

TEST_F(Container, TellsThatItIsOne) {
  EXPECT_EQ(Shell("echo $container; [ -e /run/.containerenv ] && echo there"), "oci\nthere");
}

TEST_F(Container, HasHostsHostnameAndResolvConf) {
  const std::string hosts = Shell("cat /etc/hosts", {"-h", "ship"});
  EXPECT_TRUE(Has(hosts, "127.0.0.1") && Has(hosts, "localhost")) << hosts;
  EXPECT_TRUE(Has(hosts, "ship")) << hosts;
  EXPECT_EQ(Shell("cat /etc/hostname", {"-h", "ship"}), "ship");
  EXPECT_EQ(Shell("[ -f /etc/resolv.conf ] && echo there"), "there");
  EXPECT_EQ(Shell("echo '10.0.0.1 mine' >>/etc/hosts && tail -n 1 /etc/hosts"), "10.0.0.1 mine");
}

TEST_F(Container, TheHostsNameIsSaidToBeMissingWithoutANetwork) {
  const Output output =
      RunShell("grep up$ /etc/hosts", {"--network", "none", "--add-host", "up:host-gateway"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_TRUE(Has(output.err, "host-gateway: there is no way to the host without a network"))
      << output;
}

// What it writes there takes room where all that it writes does, and none of RUN, which is memory.
TEST_F(Container, KeepsItsEtcFilesWhereItsOtherFilesAre) {
  RunOk({"run", "-d", "--name", "one", Busybox(), "sleep", "3600"});
  for (const char* path : {"HostsPath", "HostnamePath", "ResolvConfPath"}) {
    std::string file = RunOk({"inspect", "--format", std::string("{{.") + path + "}}", "one"});
    EXPECT_TRUE(file.starts_with(data() + "/containers/")) << file;
    RunOk({"exec", "one", "sh", "-c", "echo mine >/etc/" + file.substr(file.rfind('/') + 1)});
    EXPECT_EQ(ReadFile(file), "mine\n");
  }
  RunOk({"restart", "-t", "0", "one"});  // they are written anew
  EXPECT_TRUE(Has(RunOk({"exec", "one", "cat", "/etc/hosts"}), "localhost"));
}

TEST_F(Container, HostsOwnResolvConfWithTheHostsNetwork) {
  const std::string host = ReadFileIfThere("/etc/resolv.conf");
  const Output output = RunShell("cat /etc/resolv.conf", {"--network", "host"});
  EXPECT_EQ(output.out, host);
}

TEST_F(Container, SetsSysctlsOfItsOwnNamespacesOnly) {
  EXPECT_EQ(Shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax",
                  {"--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=4000"}),
            "1\n4000");
  for (const char* bad : {"kernel.panic=1", "vm.swappiness=1", "nonsense", "net.no.such=1"}) {
    const Output output = RunShell("echo never", {"--sysctl", bad});
    EXPECT_EQ(output.code, 125) << bad << output;
    EXPECT_EQ(output.out, "");
  }
  EXPECT_EQ(RunShell("true", {"--network", "host", "--sysctl", "net.ipv4.ip_forward=1"}).code, 125);
}

TEST_F(Container, AnyUserHasLowPortsAndMayPingInANetworkOfItsOwn) {
  EXPECT_EQ(Shell("cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start ping_group_range"),
            "0\n0\t2147483647");
  EXPECT_EQ(Shell("nc -l -p 80 & until grep -q :0050 /proc/net/tcp*; do kill -0 $! || exit 1; done;"
                  "kill $!; echo it listened",
                  {"-u", "1000"}),
            "it listened");
  EXPECT_EQ(Shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
                  {"--sysctl", "net.ipv4.ip_unprivileged_port_start=80"}),
            "80");
  EXPECT_EQ(
      Shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", {"--network", "host"}) + "\n",
      ReadFileIfThere("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
}

TEST_F(Container, ARelativeSourceInARemovedDirectoryIsNotTheRoots) {
  const std::string gone = Path("gone");
  std::filesystem::create_directory(gone);
  Command command = Hoy({"run", "--rm", "-v", "./hoy-gone:/x", Busybox(), "true"});
  command.argv.insert(command.argv.begin(),
                      {"sh", "-c", fmt::format("cd {0} && rmdir {0} && exec \"$@\"", gone), "sh"});
  const Output output = RunCommand(command);
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_FALSE(std::filesystem::exists("/hoy-gone"));
}

TEST_F(Container, GivesADevice) {
  if (!fs::exists("/dev/kmsg")) SKIP_BECAUSE("the host has no /dev/kmsg to give");
  EXPECT_EQ(Shell("stat -c %t:%T /dev/kmsg", {"--device", "/dev/kmsg"}), "1:b");
  EXPECT_EQ(Shell("stat -c %t:%T /dev/log-of-host", {"--device", "/dev/kmsg:/dev/log-of-host"}),
            "1:b");
  const Output missing = RunShell("true", {"--device", "/dev/no-such"});
  EXPECT_EQ(missing.code, 125);
  EXPECT_TRUE(Has(missing.err, "/dev/no-such")) << missing;
}

TEST_F(Container, DeviceAccessIsWhatWasAsked) {
  // /dev/zero under another name, readable only: the default rules know 1:5, so use a copy with a
  // number that they do not know (1:10 is unused; 1:11 is kmsg).
  if (!fs::exists("/dev/kmsg")) SKIP_BECAUSE("the host has no /dev/kmsg to give");
  const Output written = RunShell("echo x >/dev/kmsg", {"--device", "/dev/kmsg:/dev/kmsg:r"});
  EXPECT_NE(written.code, 0);
  EXPECT_TRUE(Has(written.err, "Operation not permitted")) << written;
}

TEST_F(Container, ADeviceRuleLetsInWhatItNames) {
  // 1:10 is a device without a driver: no such device, once the rules let it through.
  const std::string look = "mknod /tmp/d c 1 10; cat /tmp/d; true";
  EXPECT_TRUE(Has(RunShell(look).err, "Operation not permitted"));
  EXPECT_TRUE(Has(RunShell(look, {"--device-cgroup-rule", "c 1:10 rm"}).err, "No such device"));
  EXPECT_TRUE(
      Has(RunShell(look, {"--device-cgroup-rule", "c 1:* m"}).err, "Operation not permitted"));
  EXPECT_EQ(RunShell("true", {"--device-cgroup-rule", "c one rm"}).code, 125);
}

TEST_F(Container, LeavesHostsToTheImage) {
  EXPECT_TRUE(Has(Shell("cat /etc/hosts"), "localhost"));
  EXPECT_EQ(
      Shell("cat /etc/hosts; grep -c ' /etc/hosts ' /proc/self/mountinfo || true", {"--no-hosts"}),
      "0");
}

}  // namespace
}  // namespace hoy::test
