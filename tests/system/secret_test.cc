// --secret: what a container is told in confidence, and nobody else.

#include <gtest/gtest.h>

#include "tests/support/sandbox.h"

namespace hoy::test {
namespace {

class Secrets : public ImageSandbox {
 protected:
  void SetUp() override {
    ImageSandbox::SetUp();
    WriteFile(Path("password"), "correct horse\n");
    env["API_KEY"] = "battery staple";
  }
};

TEST_F(Secrets, AreFilesOrVariables) {
  const std::vector<std::string> secrets = {
      "--secret", "id=password,src=" + Path("password"),
      "--secret", "id=key,env=API_KEY,target=/etc/key,uid=7,gid=8,mode=0400",
      "--secret", "id=TOKEN,env=API_KEY,type=env"};
  EXPECT_EQ(Shell("cat /run/secrets/password; cat /etc/key; echo; stat -c '%u %g %a' /etc/key; "
                  "stat -c %a /run/secrets/password; echo $TOKEN",
                  secrets),
            "correct horse\nbattery staple\n7 8 400\n444\nbattery staple");
  // Whoever it is for may read it, and nobody may change it.
  EXPECT_EQ(Shell("cat /run/secrets/password; echo x >/run/secrets/password || echo kept",
                  {"--secret", "id=password,src=" + Path("password"), "-u", "1000"}),
            "correct horse\nkept");
}

TEST_F(Secrets, StayWithTheContainerAndInNoRecord) {
  const std::string id = StartSleeper({"--name", "one", "--secret", "id=TOKEN,env=API_KEY,type=env",
                                       "--secret", "id=password,src=" + Path("password")});
  for (const std::string& text :
       {RunOk({"inspect", "one"}), ReadFile(data() + "/containers/" + id + "/record.json")}) {
    EXPECT_FALSE(Has(text, "battery")) << text;
    EXPECT_FALSE(Has(text, "horse")) << text;
  }
  EXPECT_EQ(RunOk({"exec", "one", "sh", "-c", "echo $TOKEN"}), "battery staple");
  // At another start they are what they were.
  env.erase("API_KEY");
  WriteFile(Path("password"), "changed\n");
  RunOk({"stop", "-t", "0", "one"});
  RunOk({"start", "one"});
  EXPECT_EQ(RunOk({"exec", "one", "sh", "-c", "echo $TOKEN; cat /run/secrets/password"}),
            "battery staple\ncorrect horse");
  // Other users of this machine do not get there.
  const Output other = HostShell("setpriv --reuid 65534 --regid 65534 --clear-groups cat " +
                                 data() + "/containers/" + id + "/secrets/1");
  EXPECT_NE(other.code, 0) << other;
  RunOk({"commit", "one", "copy:1"});
  EXPECT_EQ(RunOk({"run", "--rm", "copy:1", "sh", "-c",
                   "echo $TOKEN; cat /run/secrets/* 2>/dev/null || true"}),
            "");
  RunOk({"rm", "-f", "one"});
  RunOk({"rmi", "copy:1"});
}

TEST_F(Secrets, AreRefusedWithASentence) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"id=a,src=" + Path("missing"), "No such file"},
      {"id=a,env=NOT_SET_AT_ALL", "NOT_SET_AT_ALL is not set"},
      {"id=a", "src=FILE or from env=VARIABLE"},
      {"plain", "is not KEY=VALUE"},
      {"id=a,env=API_KEY,target=../../etc/passwd", "leads out"},
      {"id=a,env=API_KEY,target=.", "is a directory"},
      {"id=a,env=API_KEY,mode=999", "not an octal mode"},
      {"id=a,env=API_KEY,colour=red", "unknown field 'colour'"}};
  for (const auto& [text, message] : cases) {
    const Output output = RunShell("echo never", {"--secret", text});
    EXPECT_EQ(output.code, 125) << text << output;
    EXPECT_TRUE(Has(output.err, message)) << text << output;
    EXPECT_EQ(output.out, "");
  }
  EXPECT_TRUE(ListNames(data() + "/containers").empty());
}

}  // namespace
}  // namespace hoy::test
