// Where the keys of S3 volumes come from, and that they are shown nowhere.

#include <fmt/core.h>
#include <signal.h>

#include <filesystem>

#include "tests/system/s3_volume.h"

namespace hoy::test {
namespace {

// Nothing but the files of ~/.aws, in which the profile "work" is the right one.
class S3Keys : public S3Volume {
 protected:
  void SetUp() override {
    S3Volume::SetUp();
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      env[name] = std::nullopt;
    }
    server.Put("p/theirs", "from there");
  }
  void WriteProfiles(const std::string& directory) const {
    std::filesystem::create_directories(directory);
    WriteFile(directory + "/credentials",
              fmt::format("[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n\n"
                          "[work]\naws_access_key_id = {0}\naws_secret_access_key = {0}\n",
                          S3Server::kKey),
              0600);
    WriteFile(directory + "/config",
              fmt::format("[default]\nendpoint_url = {0}\n\n"
                          "[profile work]\nregion = eu-west-1\nendpoint_url = {0}/\n",
                          server.endpoint()));
  }
  // Without the place of the server, which the profile knows.
  std::string PlainMount(const std::string& more = "") const {
    return fmt::format("--mount=type=s3,bucket={},prefix=p,dst=/data{}", S3Server::kBucket, more);
  }
  void IsRead(const std::string& more = "") const {
    EXPECT_EQ(Shell("cat /data/theirs", {PlainMount(more)}), "from there");
  }
  void IsRefused(const std::string& more = "") const {
    const Output output = RunShell("echo ran", {PlainMount(more)});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "") << output;
    EXPECT_TRUE(Has(output.err, "InvalidAccessKeyId")) << output;
  }
  void WriteInside(const std::string& id, const std::string& name) const {
    RunOk({"exec", id, "sh", "-c", fmt::format("echo x > /data/{}", name)});
  }
  bool Arrives(const std::string& name) const {
    return Eventually([&] { return server.Object("p/" + name) == "x\n"; });
  }
};

TEST_F(S3Keys, AreThoseOfTheProfile) {
  WriteProfiles(Path("home/.aws"));
  IsRefused(",src=default");
  env["AWS_PROFILE"] = "work";
  IsRead(",src=variable");
  IsRefused(",src=asked,profile=default");
  env["AWS_PROFILE"] = "default";
  env["AWS_ACCESS_KEY_ID"] = "wrong";
  env["AWS_SECRET_ACCESS_KEY"] = "wrong";
  IsRead(",src=mount,profile=work");
  IsRefused(",src=keys");
}

TEST_F(S3Keys, AreInTheFilesThatVariablesName) {
  WriteProfiles(Path("elsewhere"));
  env["AWS_PROFILE"] = "work";
  EXPECT_TRUE(Has(RunShell("echo ran", {PlainMount()}).err, "profile 'work' is neither in"));
  env["AWS_SHARED_CREDENTIALS_FILE"] = Path("elsewhere/credentials");
  env["AWS_CONFIG_FILE"] = Path("elsewhere/config");
  IsRead();
}

// By a process that has none of the variables, in no directory of ours.
TEST_F(S3Keys, AreFoundAgainWhenTheContainerHasEnded) {
  WriteProfiles(Path("elsewhere"));
  // As somebody has them who is in that directory.
  const std::string cd = fmt::format(
      "cd $DIR/elsewhere; export AWS_PROFILE=work AWS_CONFIG_FILE=config "
      "AWS_SHARED_CREDENTIALS_FILE=../elsewhere/credentials; $HOY ");
  const Output run =
      HostShell(cd + fmt::format("run -d {} {} sleep 1000", PlainMount(), Busybox()));
  ASSERT_EQ(run.code, 0) << run;
  const std::string id = run.out.substr(0, run.out.find('\n'));
  const std::string volume = VolumeName();
  env["HOME"] = Path("empty");
  WriteInside(id, "first");
  RunOk({"stop", "-t", "0", id});
  EXPECT_TRUE(Arrives("first"));
  EXPECT_TRUE(WaitUntilWrittenBack(volume));

  ASSERT_EQ(HostShell(cd + "start " + id).code, 0);
  WriteInside(id, "second");
  const pid_t monitor = MonitorOf(id);
  ASSERT_GT(monitor, 1);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(Arrives("second"));
  EXPECT_TRUE(WaitUntilWrittenBack(volume));
}

TEST_F(S3Keys, OfTheCommandLineAreShownNowhere) {
  const std::string keys = fmt::format(",access-key-id={0},secret-access-key={0}", S3Server::kKey);
  const std::string id = StartSleeper({Mount(",src=vol" + keys)});
  EXPECT_EQ(RunOk({"exec", id, "cat", "/data/theirs"}), "from there");
  WriteInside(id, "mine");
  auto shows_none = [&](const std::vector<std::string>& verb) {
    const std::string text = RunOk(verb);
    EXPECT_TRUE(Has(text, "vol")) << text;
    EXPECT_FALSE(Has(text, S3Server::kKey)) << verb[0] << text;
  };
  shows_none({"inspect", id});
  shows_none({"volume", "inspect", "vol"});
  RunOk({"rm", "-f", id});
  EXPECT_TRUE(Arrives("mine"));
  EXPECT_TRUE(WaitUntilWrittenBack("vol"));
  shows_none({"events", "--stream=false", "--format", "json"});
  // But in the one place that is for root alone.
  EXPECT_EQ(HostShell(fmt::format("cd $DIR; grep -rlF {} d r", S3Server::kKey)).out,
            "d/volumes/vol/s3/credentials\n");

  // Nor by whatever goes wrong with them. The first one is refused by the server.
  for (const char* more : {"", ",mode=nfs", ",size=1", ",prefix=../x", ",sync-interval=soon"}) {
    const Output output =
        RunShell("echo ran",
                 {Mount(fmt::format(
                     ",src=other,access-key-id=Nobody,secret-access-key=Own/Secret=1{}", more))});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_EQ(output.out, "") << output;
    EXPECT_FALSE(Has(output.err, "Own/Secret")) << output;
  }
}

}  // namespace
}  // namespace hoy::test
