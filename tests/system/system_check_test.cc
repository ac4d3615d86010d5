// `hoy system check`: what dead processes, and people with other tools, left is found and mended.

#include <fmt/format.h>
#include <signal.h>
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
  EXPECT_EQ(Inspect("unnamed")["Name"], "unnamed");
  EXPECT_EQ(ListNames(data() + "/names"), (std::vector<std::string>{"new", "unnamed"}));
}

TEST_F(SystemCheck, GivesAContainerANewMonitor) {
  StartSleeper({"--name", "one"});
  // The monitor is the parent of the container's first process.
  const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", "one"});
  const std::string parent =
      HostShell(fmt::format("awk '/^PPid/ {{print $2}}' /proc/{}/status", pid)).out;
  const int monitor = std::stoi(parent);
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return kill(monitor, 0) != 0; }));
  Mends({"container 'one': its monitor was killed"});
  RunOk({"kill", "--signal", "KILL", "one"});
  EXPECT_EQ(RunOk({"wait", "one"}), "137");
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
  RunOk({"rm", "-f", id});
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
  EXPECT_TRUE(reaches());

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
        "network 'gone': its removal was cut off", "firewall: rules of its table"}) {
    EXPECT_TRUE(Has(look.out, text)) << text << "\n" << look;
  }
  const Output mend = Run({"system", "check"});
  EXPECT_EQ(mend.code, 0) << mend;
  const Output again = Run({"system", "check"});
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(again.out, "");
  EXPECT_TRUE(reaches());
  EXPECT_TRUE(Has(Host("nft list ruleset").out, "8080"));
}

}  // namespace
}  // namespace hoy::test
