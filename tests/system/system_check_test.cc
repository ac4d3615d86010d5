// `hoy system check`: what dead processes, and people with other tools, left is found and mended.

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/lines.h"
#include "tests/support/network_sandbox.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {
namespace fs = std::filesystem;

// Each line "object: problem".
const std::vector<std::string> kLook = {"system", "check", "--dry-run", "--format",
                                        "{{.Object}}: {{.Problem}}"};

// As who works on a container does.
Fd LockDirectory(const std::string& path) {
  Fd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(flock(directory.get(), LOCK_EX), 0);
  return directory;
}

class SystemCheck : public ImageSandbox {
 protected:
  void Dying(const std::string& point, const std::vector<std::string>& arguments) const {
    Command command = Hoy(arguments);
    command.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(command).code, 137);
  }

  // Looks, mends, and finds nothing any more.
  void Mends(const std::vector<std::string>& expected) const {
    const Output look = Run(kLook);
    EXPECT_EQ(look.code, 1) << look;
    EXPECT_EQ(Lines(look.out), expected);
    const Output mend = Run({"system", "check", "--format", "{{.Mended}}"});
    EXPECT_EQ(mend.code, 0) << mend;
    EXPECT_EQ(Lines(mend.out), std::vector<std::string>(expected.size(), "true")) << mend;
    const Output again = Run({"system", "check"});
    EXPECT_EQ(again.code, 0) << again;
    EXPECT_EQ(again.out, "");
  }
};

TEST_F(SystemCheck, SaysNothingOfWhatIsWhole) {
  StartSleeper({"--name", "one"});
  RunOk({"volume", "create", "data"});
  const Output output = Run({"system", "check"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "");
  RunOk({"--root", Path("nowhere"), "system", "check", "--dry-run"});
  EXPECT_FALSE(std::filesystem::exists(Path("nowhere"))) << "who only looks makes nothing";
}

// Who used RUN first owns it; that is of no matter before there is something of his.
TEST_F(SystemCheck, KnowsWhoseRunsAreThere) {
  const std::string other_run = Path("run");
  RunOk({"--root", Path("data"), "--run-root", other_run, "volume", "create", "first"});
  RunOk({"--run-root", other_run, "system", "check"});
  EXPECT_EQ(fs::read_symlink(other_run + "/data"), Path("data"));
  const std::string stranger = other_run + "/containers/" + std::string(64, 'a');
  ASSERT_TRUE(fs::create_directory(stranger));
  const Output output = Run({"--run-root", other_run, "system", "check"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.out.find("it is of the data in '" + Path("data") + "'"), std::string::npos)
      << output;
  fs::remove(stranger);
  fs::remove(other_run + "/data");
  RunOk({"--run-root", other_run, "system", "check"});
  EXPECT_EQ(fs::read_symlink(other_run + "/data"), data());
}

TEST_F(SystemCheck, EndsWhatWasCutOff) {
  RunOk({"create", "--name", "old", Busybox(), "true"});
  Dying("rename-recorded", {"rename", "old", "new"});
  RunOk({"create", "--name", "unnamed", Busybox(), "true"});
  Dying("remove-unnamed", {"rm", "unnamed"});
  RunOk({"volume", "create", "data"});
  Dying("volume-renamed", {"volume", "rm", "data"});
  // Last, for `rm` and `create` mend what they come across.
  RunOk({"create", "--name", "going", Busybox(), "true"});
  Dying("remove-renamed", {"rm", "going"});
  Dying("create-record", {"create", "--name", "half", Busybox(), "true"});
  Dying("create-named", {"create", "--name", "named", Busybox(), "true"});

  const Output look = Run(kLook);
  EXPECT_EQ(look.code, 1) << look;
  const std::vector<std::string> lines = Lines(look.out);
  EXPECT_EQ(lines.size(), 7) << look;
  auto count = [&](const std::string& end) {
    return std::ranges::count_if(lines, [&](const auto& line) { return line.ends_with(end); });
  };
  EXPECT_EQ(count("its creation was cut off"), 2) << look;
  EXPECT_EQ(count("its removal was cut off"), 2) << look;  // a container's and a volume's
  EXPECT_EQ(count("name 'named': no container has it"), 1) << look;
  EXPECT_EQ(count("has another one by now"), 1) << look;
  EXPECT_EQ(count("has lost its name"), 1) << look;

  const Output mend = Run({"system", "check"});
  EXPECT_EQ(mend.code, 0) << mend;
  EXPECT_EQ(Run(kLook).code, 0);
  EXPECT_EQ(RunOk({"ps", "-a", "--format", "{{.Names}}", "--sort", "names"}), "new\nunnamed");
  EXPECT_EQ(Inspect("unnamed")["Name"], "/unnamed");
  EXPECT_EQ(ListNames(data() + "/names"), (std::vector<std::string>{"new", "unnamed"}));
}

TEST_F(SystemCheck, GivesAContainerANewMonitor) {
  StartSleeper({"--name", "one"});
  const std::string id = RunOk({"inspect", "--format", "{{.Id}}", "one"});
  // The monitor is the parent of the container's first process.
  const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", "one"});
  const std::string parent =
      HostShell(fmt::format("awk '/^PPid/ {{print $2}}' /proc/{}/status", pid)).out;
  const int monitor = std::stoi(parent);
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return kill(monitor, 0) != 0; }));
  {
    const Fd busy = LockDirectory(data() + "/containers/" + id);
    EXPECT_EQ(Run(kLook).out, "");
    EXPECT_EQ(Run({"system", "check"}).code, 0);
  }
  Mends({"container 'one': its monitor was killed"});
  RunOk({"kill", "--signal", "KILL", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
}

// RUN is emptied under a container's feet: what is left of it is known by its id alone.
TEST_F(SystemCheck, FindsTheCgroupOfARunThatNobodyKnows) {
  const std::string id = StartSleeper({"--name", "one"});
  const int pid = std::stoi(RunOk({"inspect", "--format", "{{.State.Pid}}", "one"}));
  auto cgroups = [&] { return HostShell("find /sys/fs/cgroup -type d -name hoy-" + id).out; };
  if (cgroups().empty()) SKIP_BECAUSE("no cgroup can be made here");
  fs::remove_all(run() + "/containers/" + id);
  const Output look = Run(kLook);
  EXPECT_EQ(look.code, 1) << look;
  EXPECT_NE(look.out.find("'one': it does not run, and processes are in its cgroup\n"),
            std::string::npos)
      << look;
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] {
    Run({"system", "check"});
    return cgroups().empty();
  }));
}

TEST_F(SystemCheck, NamesWhatNobodyCanMend) {
  const std::string id = RunOk({"create", "--name", "one", Busybox(), "true"});
  const std::string record = data() + "/containers/" + id + "/record.json";
  WriteFile(record, "{\n");
  const Output output = Run({"system", "check", "--format", "json"});
  EXPECT_EQ(output.code, 1) << output;
  const Json row = Json::parse(Lines(output.out).front());
  EXPECT_EQ(row["Mended"], false);
  EXPECT_TRUE(Has(row["Problem"].get<std::string>(), "damaged")) << row;
  EXPECT_TRUE(Has(row["Outcome"].get<std::string>(), "hoy rm -f " + id.substr(0, 12))) << row;
  fs::remove(record);
  const Output lost = Run(kLook);
  EXPECT_TRUE(Has(lost.out, "container " + id.substr(0, 12) + ": its record is gone")) << lost;
  EXPECT_EQ(lost.code, 1);
  RunOk({"rm", "-f", id.substr(0, 12)});
  EXPECT_EQ(Run(kLook).out, "");
}

TEST_F(SystemCheck, RemovesBlobsThatNoImageNeeds) {
  WriteFile(data() + "/images/blobs/sha256/" + std::string(64, 'a'), std::string(2000, 'x'));
  Mends({"images: 2kB that no image needs"});
  // What an image promises and does not have.
  const fs::path layers = data() + "/layers";
  const std::string layer = ListNames(layers.string()).front();
  fs::rename(layers / layer, layers / ("moved-" + layer));
  const Output output = Run({"system", "check"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_TRUE(Has(output.out, "is missing")) << output;
  EXPECT_TRUE(Has(output.out, "pull or load it again")) << output;
  fs::rename(layers / ("moved-" + layer), layers / layer);
  // A record that is damaged is in no other image's way.
  WriteFile(data() + "/images/records/" + std::string(64, 'b'), "{");
  const Output images = Run({"images", "-q"});
  EXPECT_EQ(images.code, 0) << images;
  EXPECT_NE(images.out, "");
  EXPECT_TRUE(Has(images.err, "hoy rmi bbbbbbbbbbbb")) << images;
  const Output damaged = Run({"system", "check"});
  EXPECT_EQ(damaged.code, 1) << damaged;
  EXPECT_TRUE(Has(damaged.out, "hoy rmi bbbbbbbbbbbb")) << damaged;
  EXPECT_TRUE(Has(RunOk({"rmi", "bbbbbbbbbbbb"}), "Deleted: sha256:bbbb"));
  EXPECT_EQ(Run(kLook).out, "");
}

class SystemCheckNetworks : public NetworkSandbox {};

TEST_F(SystemCheckNetworks, PutsBridgesLinksAndRulesBack) {
  RunOk({"network", "create", "app"});
  StartSleeper({"--name", "web", "--network", "app", "-p", "127.0.0.1:8080:80"});
  StartSleeper({"--name", "other", "--network", "app"});
  EXPECT_EQ(Run({"system", "check"}).out, "");
  auto reaches = [&] {
    return Run({"exec", "other", "ping", "-c", "1", "-W", "1", "web"}).code == 0;
  };
  EXPECT_TRUE(Eventually(reaches));

  const std::string bridge =
      "hoy-" + RunOk({"network", "inspect", "--format", "{{.Id}}", "app"}).substr(0, 11);
  EXPECT_EQ(Host("ip link del " + bridge + " && nft flush ruleset").code, 0);
  fs::create_directories(run() + "/networks/gone");
  fs::create_symlink(std::string(64, 'f'), run() + "/networks/app/172.31.255.250");
  EXPECT_FALSE(reaches());
  const Output look = Run(kLook);
  EXPECT_EQ(look.code, 1) << look;
  for (const char* text :
       {"network 'app': 1 of its addresses are leased to nobody", "network 'app': its bridge",
        "network 'gone': its removal was cut off", "firewall: rules of hoy's are missing"}) {
    EXPECT_TRUE(Has(look.out, text)) << text << "\n" << look;
  }
  const Output mend = Run({"system", "check"});
  EXPECT_EQ(mend.code, 0) << mend;
  const Output again = Run({"system", "check"});
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(again.out, "");
  EXPECT_TRUE(Eventually(reaches));
  EXPECT_TRUE(Has(Host("nft list ruleset").out, "8080"));

  // Whoever makes a bridge again, or ends what one that was killed has begun, puts the links of
  // those that run into it.
  EXPECT_EQ(Host(fmt::format("ip link del {0} && ip link add {0} type bridge", bridge)).code, 0);
  EXPECT_FALSE(reaches());
  // A network whose record is damaged is in nobody's way.
  WriteFile(data() + "/networks/bad.json", "{\n");
  EXPECT_EQ(Host("nft flush ruleset").code, 0);
  RunOk({"run", "--rm", "--network", "app", Busybox(), "sh", "-c",
         "until ping -c 1 -W 3 web >/dev/null; do :; done"});
  EXPECT_TRUE(Eventually(reaches));
  const Output damaged = Run({"system", "check"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_TRUE(Has(damaged.out, "its record is damaged")) << damaged;
  EXPECT_TRUE(Has(Run({"network", "rm", "bad"}).err, "hoy network rm -f bad"));
  RunOk({"network", "rm", "-f", "bad"});
  EXPECT_EQ(Run({"system", "check"}).out, "");

  // While somebody works on a container, what he is about looks damaged. (The link of the one that
  // pinged goes when its namespace does.)
  EXPECT_TRUE(Eventually([] { return Pairs().size() == 2; }));
  for (const std::string& link : Pairs()) {
    EXPECT_EQ(Host("ip link set " + link + " nomaster").code, 0);
  }
  {
    const std::string id = RunOk({"inspect", "--format", "{{.Id}}", "other"});
    const Fd other = LockDirectory(data() + "/containers/" + id);
    const Output busy = Run(kLook);
    EXPECT_TRUE(Has(busy.out, "container 'web': its link is not in the bridge")) << busy;
    EXPECT_FALSE(Has(busy.out, "container 'other'")) << busy;
  }
  EXPECT_EQ(Run({"system", "check"}).code, 0);
  EXPECT_TRUE(Eventually(reaches));
}

TEST_F(SystemCheckNetworks, PutsForwardingOn) {
  const char* off =
      "echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding";
  const char* look = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding";
  RunOk({"network", "create", "--ipv6", "six"});
  Host(off);
  EXPECT_EQ(Run({"system", "check"}).out, "") << "nobody needs it";
  StartSleeper({"--name", "web", "--network", "six"});
  EXPECT_EQ(Run({"system", "check"}).out, "");
  Host(off);
  const Output seen = Run(kLook);
  EXPECT_EQ(seen.code, 1) << seen;
  for (const char* text : {"host: net.ipv4.ip_forward is off", "net.ipv6.conf.all.forwarding"}) {
    EXPECT_TRUE(Has(seen.out, text)) << text << "\n" << seen;
  }
  EXPECT_EQ(Host(look).out, "0\n0\n");
  EXPECT_EQ(Run({"system", "check"}).code, 0);
  EXPECT_EQ(Host(look).out, "1\n1\n");
}

TEST_F(SystemCheckNetworks, RemovesWhatACutOffRemovalLeft) {
  const std::string id = RunOk({"network", "create", "app"});
  const std::string bridge = "hoy-" + id.substr(0, 11);
  StartSleeper({"--name", "web", "--network", "app"});
  EXPECT_TRUE(Has(Host("nft list ruleset").out, id));
  // As a removal leaves it that is killed when the record is gone.
  fs::remove(data() + "/networks/app.json");

  // Nothing is taken from a container that runs.
  const Output used = Run(kLook);
  EXPECT_EQ(used.code, 1) << used;
  EXPECT_TRUE(Has(used.out, "container 'web': its network 'app' is gone")) << used;
  EXPECT_FALSE(Has(used.out, bridge)) << used;
  RunOk({"network", "disconnect", "app", "web"});

  // Nor a bridge that somebody is on, or that of another DATA, which may be at the same path.
  EXPECT_EQ(Host("ip link add p type veth peer name q && ip link set p master " + bridge).code, 0);
  EXPECT_FALSE(Has(Run(kLook).out, bridge));
  EXPECT_EQ(Host("ip link del p").code, 0);
  const fs::path owner = data() + "/networks/owner";
  const fs::path own = fs::read_symlink(owner);
  fs::remove(owner);
  fs::create_symlink(std::string(32, '0'), owner);
  EXPECT_FALSE(Has(Run(kLook).out, bridge));
  fs::remove(owner);
  fs::create_symlink(own, owner);

  const Output look = Run(kLook);
  EXPECT_TRUE(Has(look.out, "network 'app': its removal left link " + bridge)) << look;
  EXPECT_EQ(Host("ip link show " + bridge).code, 0);
  const Output mend = Run({"system", "check"});
  EXPECT_EQ(mend.code, 0) << mend;
  EXPECT_NE(Host("ip link show " + bridge).code, 0);
  EXPECT_FALSE(Has(Host("nft list ruleset").out, id));
  EXPECT_EQ(Run({"system", "check"}).out, "");
}

}  // namespace
}  // namespace hoy::test
