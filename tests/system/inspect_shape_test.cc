// `inspect` in docker's shape: what scripts find where docker has it.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "core/base/text.h"
#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class InspectShape : public ImageSandbox {
 protected:
  // `hoy create` of a container of that name; its inspect.
  Json Created(const std::string& name, std::vector<std::string> options) const {
    std::vector<std::string> arguments = {"create", "--name", name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {Busybox(), "true"});
    RunOk(arguments);
    return Inspect(name);
  }
};

TEST_F(InspectShape, MemorySwapIsTwiceTheMemoryUnlessItIsSaid) {
  struct Case {
    std::vector<std::string> options;
    int64_t memory, swap;
  };
  constexpr int64_t kMiB = 1 << 20;
  const Case cases[] = {{{}, 0, 0},
                        {{"-m", "64m"}, 64 * kMiB, 128 * kMiB},
                        {{"-m", "64m", "--memory-swap", "0"}, 64 * kMiB, 128 * kMiB},
                        {{"-m", "64m", "--memory-swap", "64m"}, 64 * kMiB, 64 * kMiB},
                        {{"-m", "64m", "--memory-swap", "-1"}, 64 * kMiB, -1}};
  for (const Case& each : cases) {
    const Json host = Created("one", each.options)["HostConfig"];
    EXPECT_EQ(host["Memory"], each.memory);
    EXPECT_EQ(host["MemorySwap"], each.swap) << hoy::Join(each.options, " ");
    RunOk({"rm", "one"});
  }
}

TEST_F(InspectShape, DevicesAreThoseThatWereAskedForWithTheirPermissions) {
  const std::vector<std::string> devices = {
      "--device",           "/dev/null:/dev/a",     "--device",
      "/dev/zero:/dev/b:r", "--device-cgroup-rule", "c 42:* rw"};
  const Json expected = Json::parse(R"([
      {"PathOnHost": "/dev/null", "PathInContainer": "/dev/a", "CgroupPermissions": "rwm"},
      {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/b", "CgroupPermissions": "r"}])");
  const Json host = Created("one", devices)["HostConfig"];
  EXPECT_EQ(host["Devices"], expected);
  EXPECT_EQ(host["DeviceCgroupRules"], Json::parse(R"(["c 42:* rw"])"));
  EXPECT_EQ(host["DeviceRequests"], Json());
  std::vector<std::string> privileged = devices;
  privileged.emplace_back("--privileged");
  EXPECT_EQ(Created("all", privileged)["HostConfig"]["Devices"], expected);
  EXPECT_EQ(Created("none", {})["HostConfig"]["DeviceCgroupRules"], Json());
}

TEST_F(InspectShape, BindsAndMountsAreAsTheyWereTyped) {
  const std::string dir = directory();
  std::filesystem::create_directory(dir + "/sub");
  const Json one = Created(
      "one",
      {"-v", dir + ":/plain", "-v", dir + ":/ro:ro", "-v", "data:/vol", "-v", "/anonymous",
       "--tmpfs", "/t:size=1m,ro", "--mount", "type=bind,src=" + dir + "/sub,dst=/m,readonly",
       "--mount", "type=volume,src=more,dst=/v,volume-nocopy,volume-label=a=b", "--mount",
       "type=tmpfs,dst=/mt,tmpfs-size=2m,tmpfs-mode=700", "--mount",
       "type=bind,src=" + dir + ",dst=/shared,bind-propagation=private,bind-nonrecursive"});
  const Json& host = one["HostConfig"];
  EXPECT_EQ(host["Binds"], Json({dir + ":/plain", dir + ":/ro:ro", "data:/vol"}));
  EXPECT_EQ(host["Tmpfs"], Json::parse(R"({"/t": "size=1m,ro"})"));
  EXPECT_EQ(host["Mounts"],
            Json::parse(fmt::format(
                R"([{{"Type": "bind", "Source": "{0}/sub", "Target": "/m", "ReadOnly": true}},
              {{"Type": "volume", "Source": "more", "Target": "/v",
                "VolumeOptions": {{"NoCopy": true, "Labels": {{"a": "b"}}}}}},
              {{"Type": "tmpfs", "Target": "/mt",
                "TmpfsOptions": {{"SizeBytes": 2097152, "Mode": 448}}}},
              {{"Type": "bind", "Source": "{0}", "Target": "/shared",
                "BindOptions": {{"Propagation": "private", "NonRecursive": true}}}}])",
                dir)))
      << host["Mounts"];
  std::map<std::string, std::string> modes;
  for (const Json& mount : one["Mounts"]) modes[mount["Destination"]] = mount["Mode"];
  EXPECT_EQ(modes, (std::map<std::string, std::string>{{"/plain", ""},
                                                       {"/ro", "ro"},
                                                       {"/vol", ""},
                                                       {"/anonymous", ""},
                                                       {"/t", ""},
                                                       {"/m", ""},
                                                       {"/v", ""},
                                                       {"/mt", ""},
                                                       {"/shared", ""}}));

  const Json two = Created("two", {"--volumes-from", "one:ro"});
  EXPECT_EQ(two["HostConfig"]["VolumesFrom"], Json({"one:ro"}));
  EXPECT_EQ(two["HostConfig"]["Binds"], Json());
  EXPECT_EQ(two["HostConfig"]["Mounts"], Json());
  RunOk({"rm", "-v", "one", "two"});
  RunOk({"volume", "rm", "data", "more"});
}

TEST_F(InspectShape, EnvironmentIsTheImagesAndTheUsers) {
  const Json image = Inspect(Busybox())["Config"]["Env"];
  const Json shown = Created("one", {"-t", "-e", "TERM=xterm", "-e", "A=b"})["Config"]["Env"];
  Json expected = image;
  expected.push_back("TERM=xterm");
  expected.push_back("A=b");
  EXPECT_EQ(shown, expected);
  // What is not the user's is there all the same.
  EXPECT_NE(RunShell("env").out.find("container=oci\n"), std::string::npos);
}

TEST_F(InspectShape, FieldsDoNotComeAndGoWithTheState) {
  const std::string all =
      "{{.State.Signal}}/{{.State.ExitKnown}}/{{.State.CoreDumped}}/{{.State.TimedOut}}/"
      "{{json .State.Health}}/{{json .Config.Healthcheck}}/{{json .Config.OnBuild}}/"
      "{{.Config.HealthcheckOnFailureAction}}/{{.Config.SyncInterval}}/{{json .SizeRw}}/"
      "{{if .State.Health}}checked{{else}}unchecked{{end}}";
  const std::string rest = "/false/false/null/null/null//0/null/unchecked";
  RunOk({"create", "--name", "made", Busybox(), "sleep", "1000"});
  EXPECT_EQ(RunOk({"inspect", "-f", all, "made"}), "/false" + rest);
  RunOk({"start", "made"});
  EXPECT_EQ(RunOk({"inspect", "-f", all, "made"}), "/false" + rest);
  RunOk({"kill", "made"});
  RunOk({"wait", "made"});
  EXPECT_EQ(RunOk({"inspect", "-f", all, "made"}), "SIGKILL/true" + rest);
}

TEST_F(InspectShape, GraphDriverHasTheDirectories) {
  const std::string id = StartSleeper({"--name", "one"});
  const Json one = Inspect("one");
  const Json data = one["GraphDriver"]["Data"];
  bool has_busybox = false;
  std::istringstream lowers(data["LowerDir"].get<std::string>());
  for (std::string lower; std::getline(lowers, lower, ':');) {
    EXPECT_TRUE(std::filesystem::is_directory(lower)) << data;
    has_busybox |= std::filesystem::exists(lower + "/bin/busybox");
  }
  EXPECT_TRUE(has_busybox) << data;
  EXPECT_EQ(data["UpperDir"], this->data() + "/containers/" + id + "/upper");
  EXPECT_EQ(data["WorkDir"], this->data() + "/containers/" + id + "/work");
  EXPECT_EQ(data["MergedDir"], fmt::format("/proc/{}/root", one["State"]["Pid"].get<int>()));
  RunOk({"rm", "-f", "one"});
  EXPECT_EQ(Created("two", {})["GraphDriver"]["Data"]["MergedDir"], "");
}

TEST_F(InspectShape, NameBeginsWithASlash) {
  RunOk({"create", "--name", "one", Busybox(), "true"});
  EXPECT_EQ(RunOk({"inspect", "-f", "{{.Name}}", "one"}), "/one");
  EXPECT_EQ(RunOk({"inspect", "-f", "{{slice .Name 1}}", "/one"}), "one");
  EXPECT_EQ(RunOk({"ps", "-a", "--format", "{{.Names}}"}), "one");
  EXPECT_EQ(RunOk({"rm", "/one"}), "/one");
}

}  // namespace
}  // namespace hoy::test
