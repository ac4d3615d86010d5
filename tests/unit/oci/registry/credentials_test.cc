#include "oci/registry/credentials.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>

#include "core/sys/files.h"

namespace hoy::oci {
namespace {

// A world in which every source exists and names itself as the user; tests take sources away.
class CredentialPrecedence : public testing::Test {
 protected:
  CredentialPrecedence() {
    environment.variable = [this](const std::string& name) { return variables[name]; };
    environment.read = [this](const std::string& path) -> Result<std::optional<std::string>> {
      auto found = files.find(path);
      if (found == files.end()) return std::nullopt;
      return found->second;
    };
    environment.ask_helper = [this](
                                 const std::string& helper,
                                 const std::string& server) -> Result<std::optional<Credential>> {
      asked.push_back(helper + " " + server);
      auto found = helpers.find(helper);
      if (found == helpers.end())
        return Fail(ErrorKind::kNotFound, "helper '{}' is missing", helper);
      return found->second;
    };
    environment.uid = 1000;
    variables = {{"HOME", "/home/u"},
                 {"XDG_RUNTIME_DIR", "/run/user/1000"},
                 {"REGISTRY_AUTH_FILE", "/reg.json"},
                 {"DOCKER_AUTH_CONFIG", File("docker-auth-config")}};
    files = {{"/flag.json", File("authfile")},
             {"/reg.json", File("registry-auth-file")},
             {"/run/user/1000/containers/auth.json", File("runtime")},
             {"/run/containers/1000/auth.json", File("run-containers")},
             {"/home/u/.config/containers/auth.json", File("config")},
             {"/xdg/containers/auth.json", File("xdg-config")},
             {"/home/u/.docker/config.json", File("docker")},
             {"/dock/config.json", File("docker-config")}};
    options = {.creds = "creds:x", .authfile = "/flag.json"};
  }

  static std::string File(const std::string& user) {
    return R"({"auths": {"reg.example": {"username": ")" + user + R"(", "password": "p"}}})";
  }
  CredentialLookup Look(std::string_view domain = "reg.example") {
    auto found = FindCredential(options, domain, "team/app", environment);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(CredentialLookup{});
  }
  std::string User() {
    auto found = Look();
    return found.credential ? found.credential->username : "anonymous";
  }

  CredentialEnvironment environment;
  CredentialOptions options;
  std::map<std::string, std::string> variables, files;
  std::map<std::string, std::optional<Credential>> helpers;
  std::vector<std::string> asked;
};

TEST_F(CredentialPrecedence, GoesFromTheFlagDownToDockersFile) {
  EXPECT_EQ(User(), "creds");
  options.creds.clear();
  EXPECT_EQ(User(), "authfile");
  options.authfile.clear();
  EXPECT_EQ(User(), "registry-auth-file");
  variables.erase("REGISTRY_AUTH_FILE");
  EXPECT_EQ(User(), "docker-auth-config");
  variables.erase("DOCKER_AUTH_CONFIG");
  EXPECT_EQ(User(), "runtime");
  variables.erase("XDG_RUNTIME_DIR");
  EXPECT_EQ(User(), "run-containers");
  files.erase("/run/containers/1000/auth.json");
  EXPECT_EQ(User(), "config");
  variables["XDG_CONFIG_HOME"] = "/xdg";
  EXPECT_EQ(User(), "xdg-config");
  files.erase("/xdg/containers/auth.json");
  EXPECT_EQ(User(), "docker");
  variables["DOCKER_CONFIG"] = "/dock";
  EXPECT_EQ(User(), "docker-config");
  files.erase("/dock/config.json");
  EXPECT_EQ(User(), "anonymous");
}

TEST_F(CredentialPrecedence, AFileThatDoesNotKnowTheRegistryPassesItOn) {
  options = {};
  variables.erase("REGISTRY_AUTH_FILE");
  variables["DOCKER_AUTH_CONFIG"] = R"({"auths": {"other.example": {"username": "o"}}})";
  EXPECT_EQ(User(), "runtime");
}

TEST_F(CredentialPrecedence, ANamedFileIsTheOnlyOne) {
  options = {.authfile = "/other.json"};
  files["/other.json"] = R"({"auths": {"other.example": {"username": "o"}}})";
  EXPECT_EQ(User(), "anonymous");
  options.authfile = "/missing.json";
  auto found = FindCredential(options, "reg.example", "app", environment);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kNotFound);
}

TEST_F(CredentialPrecedence, CredsNeedAPassword) {
  options.creds = "user";
  auto found = FindCredential(options, "reg.example", "app", environment);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(CredentialPrecedence, HelpersComeBeforeTheStoreAndTheStoreBeforeAuths) {
  options = {.authfile = "/h.json"};
  files["/h.json"] = R"({"auths": {"reg.example": {"username": "auths"}}, "credsStore": "store",
                         "credHelpers": {"reg.example": "helper"}})";
  helpers["helper"] = Credential{.username = "helper"};
  helpers["store"] = Credential{.username = "store"};
  EXPECT_EQ(User(), "helper");
  files["/h.json"] = R"({"auths": {"reg.example": {"username": "auths"}}, "credsStore": "store"})";
  EXPECT_EQ(User(), "store");
  helpers["store"] = std::nullopt;  // not known to it
  EXPECT_EQ(User(), "auths");
}

TEST_F(CredentialPrecedence, AsksForDockerHubUnderItsOldName) {
  options = {.authfile = "/h.json"};
  files["/h.json"] = R"({"auths": {"https://index.docker.io/v1/": {"username": "hub"}},
                         "credsStore": "store"})";
  helpers["store"] = std::nullopt;
  EXPECT_EQ(Look("docker.io").credential->username, "hub");
  EXPECT_EQ(asked, std::vector<std::string>{"store https://index.docker.io/v1/"});
}

TEST_F(CredentialPrecedence, AMissingHelperIsAWarning) {
  options = {.authfile = "/h.json"};
  files["/h.json"] = R"({"credsStore": "gone"})";
  auto found = Look();
  EXPECT_FALSE(found.credential);
  EXPECT_NE(found.warning.find("'gone'"), std::string::npos) << found.warning;
}

TEST_F(CredentialPrecedence, ADamagedFileNobodyNamedIsAWarning) {
  options = {};
  variables.erase("REGISTRY_AUTH_FILE");
  variables["DOCKER_AUTH_CONFIG"] = "{";
  auto found = Look();
  EXPECT_EQ(found.credential->username, "runtime");
  files = {};
  found = Look();
  EXPECT_FALSE(found.credential);
  EXPECT_NE(found.warning.find("DOCKER_AUTH_CONFIG"), std::string::npos) << found.warning;
}

class CredentialHelperProgram : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hoy-helper-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory = name;
    old_path = ::getenv("PATH");
    ::setenv("PATH", (directory + ":" + old_path).c_str(), 1);
  }
  void TearDown() override {
    ::setenv("PATH", old_path.c_str(), 1);
    ASSERT_TRUE(core::RemoveTree(directory));
  }
  void Install(const std::string& script) {
    ASSERT_TRUE(core::WriteFileAtomically(directory + "/docker-credential-test",
                                          "#!/bin/sh\n" + script, core::Durability::kVolatile,
                                          0755));
  }
  std::string directory, old_path;
  CancelToken cancel;
};

TEST_F(CredentialHelperProgram, GetsTheServerAndAnswersInJson) {
  Install(
      R"(read server; [ "$1" = get ] || exit 3; echo "{\"Username\":\"u\",\"Secret\":\"for $server\"}")");
  auto answer = AskCredentialHelper("test", "reg.example", cancel);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->password, "for reg.example");
}

TEST_F(CredentialHelperProgram, KnowsNothing) {
  Install("echo 'credentials not found in native keychain'; exit 1");
  auto answer = AskCredentialHelper("test", "reg.example", cancel);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_FALSE(*answer);
}

TEST_F(CredentialHelperProgram, FailsWithItsOwnWords) {
  Install("echo 'the keyring is locked'; exit 1");
  auto answer = AskCredentialHelper("test", "reg.example", cancel);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("the keyring is locked"), std::string::npos);
}

TEST_F(CredentialHelperProgram, IsMissing) {
  auto answer = AskCredentialHelper("surely-not-installed", "reg.example", cancel);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kNotFound);
}

TEST_F(CredentialHelperProgram, IsNeverAPath) {
  auto answer = AskCredentialHelper("../../bin/sh", "reg.example", cancel);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace hoy::oci
