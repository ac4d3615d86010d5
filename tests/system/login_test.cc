// hoy login and logout: against docker-registry with a htpasswd file, a token server, credential
// helpers, at a terminal, and with skopeo as the reader of what was written.

#include <sys/stat.h>

#include <filesystem>

#include "tests/support/pty.h"
#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/token_server.h"

namespace hoy::test {
namespace {

namespace fs = std::filesystem;

class Login : public HoySandbox {
 protected:
  void SetUp() override {
    HoySandbox::SetUp();
    Output hash = RunCommand({.argv = {"htpasswd", "-Bbn", "user", "secret"}});
    if (hash.code != 0) SKIP_BECAUSE("htpasswd (apache2-utils) is needed");
    WriteFile(Path("htpasswd"), hash.out);
    env["HOME"] = Path("home");
    env["XDG_RUNTIME_DIR"] = Path("xdg");
  }
  void StartRegistry() {
    fs::create_directory(Path("storage"));
    {
      Registry open({.storage = Path("storage")});
      ImageBuilder builder;
      builder.Layer(Tar().File("word", "hello"));
      open.Push("app", "1", builder.Build());
    }
    registry_.emplace(RegistryOptions{
        .storage = Path("storage"),
        .more_yaml = "auth:\n  htpasswd:\n    realm: test\n    path: " + Path("htpasswd") + "\n"});
  }
  const std::string AuthFile() const { return Path("xdg/containers/auth.json"); }

  // docker-credential-test on PATH: keeps what it is told in files below "helper".
  void InstallHelper() {
    fs::create_directories(Path("bin"));
    fs::create_directories(Path("helper"));
    WriteFile(Path("bin/docker-credential-test"),
              "#!/bin/sh\n"
              "cd '" +
                  Path("helper") +
                  "' || exit 1\n"
                  "read -r input\n"
                  "name=$(echo \"$input\" | tr '/' '_')\n"
                  "case $1 in\n"
                  "store) echo \"$input\" > \"$(echo \"$input\" |\n"
                  "  sed 's/.*\"ServerURL\":\"\\([^\"]*\\)\".*/\\1/' | tr '/' '_')\" ;;\n"
                  "get) cat \"$name\" 2>/dev/null ||\n"
                  "  { echo 'credentials not found in native keychain'; exit 1; } ;;\n"
                  "erase) rm \"$name\" ;;\n"
                  "list) printf '{'; s=; for f in *; do [ -e \"$f\" ] || continue\n"
                  "  printf '%s\"%s\":\"u\"' \"$s\" \"$f\"; s=,; done; echo '}' ;;\n"
                  "esac\n");
    ::chmod(Path("bin/docker-credential-test").c_str(), 0755);
    env["PATH"] = Path("bin") + ":" + getenv("PATH");
  }

  std::optional<Registry> registry_;
};

TEST_F(Login, KeepsWhatTheRegistryAcceptsAndPullUsesIt) {
  StartRegistry();
  Output output =
      Run({"login", "-u", "user", "--password-stdin", registry_->address()}, "secret\n");
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "Login Succeeded\n");
  EXPECT_EQ(output.err, "");
  struct stat info{};
  ASSERT_EQ(::stat(AuthFile().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  RunOk({"pull", "-q", registry_->Reference("app", "1")});
  EXPECT_EQ(RunOk({"login", "--get-login", registry_->address()}), "user");
  // Once more, with what is stored.
  output = Run({"login", registry_->address()});
  ASSERT_EQ(output.code, 0) << output;
  EXPECT_NE(output.err.find("existing credentials"), std::string::npos) << output;
}

TEST_F(Login, SkopeoReadsWhatHoyWrites) {
  StartRegistry();
  RunOk({"login", "-u", "user", "--password-stdin", "--authfile", Path("a.json"),
         registry_->address()},
        "secret");
  Output inspected =
      RunCommand({.argv = {"skopeo", "inspect", "--tls-verify=false", "--authfile", Path("a.json"),
                           "docker://" + registry_->Reference("app", "1")}});
  EXPECT_EQ(inspected.code, 0) << inspected;
}

TEST_F(Login, HoyReadsWhatSkopeoWritesAndRemovesIt) {
  StartRegistry();
  Output login =
      RunCommand({.argv = {"skopeo", "login", "--tls-verify=false", "-u", "user", "-p", "secret",
                           "--authfile", Path("a.json"), registry_->address()}});
  ASSERT_EQ(login.code, 0) << login;
  RunOk({"login", "--authfile", Path("a.json"), registry_->address()});
  RunOk({"logout", "--authfile", Path("a.json"), registry_->address()});
  EXPECT_EQ(ReadFile(Path("a.json")).find(registry_->address()), std::string::npos);
}

TEST_F(Login, StoresNothingThatTheRegistryRefuses) {
  StartRegistry();
  Output output =
      Run({"login", "-u", "user", "--password-stdin", registry_->address()}, "wrong!\n");
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("log in to '" + registry_->address() + "'"), std::string::npos)
      << output;
  EXPECT_NE(output.err.find("refused the credentials"), std::string::npos) << output;
  EXPECT_NE(output.err.find("check the user name"), std::string::npos) << output;
  EXPECT_EQ((output.out + output.err).find("wrong!"), std::string::npos) << output;
  EXPECT_FALSE(fs::exists(AuthFile()));
}

TEST_F(Login, TwoAtOnceAreBothKept) {
  StartRegistry();
  Registry other;
  Background first(
      {.argv = {HoyProgram(), "login", "-u", "user", "-p", "secret", registry_->address()},
       .env = env});
  Background second(
      {.argv = {HoyProgram(), "login", "-u", "a", "-p", "b", other.address()}, .env = env});
  EXPECT_EQ(first.Finish().code, 0);
  EXPECT_EQ(second.Finish().code, 0);
  EXPECT_EQ(Json::parse(ReadFile(AuthFile()))["auths"].size(), 2u);
}

TEST_F(Login, AsksAtATerminalWithoutAnEcho) {
  StartRegistry();
  Pty terminal(Hoy({"login", registry_->address()}));
  ASSERT_TRUE(terminal.Expect("Username: ")) << terminal.screen();
  terminal.Send("user\n");
  ASSERT_TRUE(terminal.Expect("Password: ")) << terminal.screen();
  terminal.Send("secret\n");
  ASSERT_TRUE(terminal.Expect("Login Succeeded")) << terminal.screen();
  EXPECT_EQ(terminal.Finish(), 0);
  EXPECT_EQ(terminal.screen().find("secret"), std::string::npos) << terminal.screen();
  EXPECT_TRUE(terminal.IsCooked());
}

TEST_F(Login, CtrlCAtThePasswordLeavesTheTerminalAsItWas) {
  Pty terminal(Hoy({"login", "-u", "user", "127.0.0.1:1"}));
  ASSERT_TRUE(terminal.Expect("Password: ")) << terminal.screen();
  terminal.Send("half\x03");
  EXPECT_NE(terminal.Finish(), 0);
  EXPECT_TRUE(terminal.IsCooked());
  EXPECT_EQ(terminal.screen().find("half"), std::string::npos) << terminal.screen();
}

TEST_F(Login, WithoutATerminalItSaysHowToGiveThem) {
  Output output = Run({"login", "127.0.0.1:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("--username"), std::string::npos) << output;
  output = Run({"login", "-u", "user", "127.0.0.1:1"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("--password-stdin"), std::string::npos) << output;
}

TEST_F(Login, GetLoginOfAStrangerFails) {
  Output output = Run({"login", "--get-login", "reg.example"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("not logged in to 'reg.example'"), std::string::npos) << output;
}

TEST_F(Login, AHelperKeepsTheSecret) {
  StartRegistry();
  InstallHelper();
  fs::create_directories(Path("home/.docker"));
  WriteFile(Path("home/.docker/config.json"), R"({"credsStore":"test"})");
  RunOk({"login", "-u", "user", "--password-stdin", registry_->address()}, "secret");
  EXPECT_FALSE(fs::exists(AuthFile()));
  EXPECT_TRUE(fs::exists(Path("helper/" + registry_->address())));
  RunOk({"pull", "-q", registry_->Reference("app", "1")});
  RunOk({"logout", registry_->address()});
  EXPECT_TRUE(ListNames(Path("helper")).empty());
  EXPECT_EQ(RunOk({"logout", registry_->address()}), "Not logged in to " + registry_->address());
}

TEST_F(Login, LogoutAllEmptiesFileAndHelper) {
  InstallHelper();
  WriteFile(Path("a.json"), R"({"auths":{"x.example":{"auth":"dTpw"}},"credsStore":"test"})");
  WriteFile(Path("helper/y.example"),
            "{\"ServerURL\":\"y.example\",\"Username\":\"u\",\"Secret\":\"s\"}");
  RunOk({"logout", "--all", "--authfile", Path("a.json")});
  EXPECT_TRUE(ListNames(Path("helper")).empty());
  EXPECT_TRUE(Json::parse(ReadFile(Path("a.json")))["auths"].empty());
}

TEST_F(Login, LogoutNamesTheFileThatItLeavesAlone) {
  fs::create_directories(Path("home/.docker"));
  WriteFile(Path("home/.docker/config.json"), R"({"auths":{"reg.example":{"auth":"dTpw"}}})");
  Output output = Run({"logout", "reg.example"});
  EXPECT_EQ(output.code, 1) << output;
  EXPECT_NE(output.err.find("home/.docker/config.json"), std::string::npos) << output;
}

FaultReply Empty(const FaultRequest&) {
  return {.body = "{}"};
}

TEST_F(Login, WorksWithATokenServer) {
  TokenRegistry registry(Empty);
  RunOk({"login", "-u", "user", "--password-stdin", registry.address()}, "secret");
  for (const FaultRequest& request : registry.requests()) {
    if (!request.target.starts_with("/token")) continue;
    EXPECT_EQ(request.target.find("scope="), std::string::npos) << "a login wants no repository";
  }
  Output output = Run({"login", "-u", "user", "--password-stdin", registry.address()}, "wrong");
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("incorrect username or password"), std::string::npos) << output;
}

TEST_F(Login, TakesAnIdentityToken) {
  TokenRegistry registry(Empty);
  RunOk({"login", "-u", "<token>", "--password-stdin", registry.address()}, "identity");
  Json entry = Json::parse(ReadFile(AuthFile()))["auths"][registry.address()];
  EXPECT_EQ(entry["identitytoken"], "identity");
  RunOk({"login", registry.address()});
}

TEST_F(Login, AnythingThatIsNoRegistryIsSaid) {
  FaultServer web([](const FaultRequest&) { return FaultReply{.status = 404, .body = "<html>"}; });
  Output output = Run({"login", "-u", "user", "--password-stdin", web.address()}, "secret");
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("not as a registry does"), std::string::npos) << output;
  output = Run({"login", "-u", "user", "--password-stdin", "not a registry"}, "secret");
  EXPECT_EQ(output.code, 125) << output;
}

}  // namespace
}  // namespace hoy::test
