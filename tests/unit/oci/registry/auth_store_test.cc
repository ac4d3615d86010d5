#include "oci/registry/auth_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "oci/registry/auth_edit.h"
#include "oci/registry/credential_helper.h"

namespace hoy::oci {
namespace {

namespace fs = std::filesystem;

class AuthStore : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("auth_store_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    variables_ = {{"HOME", root_ / "home"}, {"XDG_RUNTIME_DIR", root_ / "run"}};
    environment_.variable = [this](const std::string& name) { return variables_[name]; };
    environment_.read = CredentialEnvironment::ReadFile;
    environment_.ask_helper = [this](
                                  const std::string& helper,
                                  const std::string& server) -> Result<std::optional<Credential>> {
      if (!helpers_[helper].contains(server)) return std::nullopt;
      return MakeCredential("user", helpers_[helper][server]);
    };
    environment_.run_helper = [this](const std::string& helper, const char* verb,
                                     const std::string& input) -> Result<std::string> {
      calls_.push_back(helper + " " + verb);
      if (verb == std::string("store")) {
        auto json = nlohmann::json::parse(input);
        helpers_[helper][json["ServerURL"]] = json["Secret"];
      } else if (verb == std::string("erase")) {
        helpers_[helper].erase(input);
      } else if (verb == std::string("list")) {
        return nlohmann::json(helpers_[helper]).dump();
      }
      return "";
    };
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Default() const { return root_ / "run/containers/auth.json"; }
  static void Write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static nlohmann::json Read(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return nlohmann::json::parse(text.str(), nullptr, false);
  }

  fs::path root_;
  std::map<std::string, std::string> variables_;
  std::map<std::string, std::map<std::string, std::string>> helpers_;
  std::vector<std::string> calls_;
  CredentialEnvironment environment_;
  const Credential credential_{.username = "user", .password = "s:ecret"};
};

TEST_F(AuthStore, WritesAFileThatOnlyItsOwnerReads) {
  auto where = StoreCredential({}, "reg.example:5000", credential_, environment_);
  ASSERT_TRUE(where) << where.error().message;
  EXPECT_EQ(*where, Default());
  struct stat info{};
  ASSERT_EQ(stat(Default().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(fs::path(Default()).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  auto found = FindCredential({}, "reg.example:5000", "any/thing", environment_);
  ASSERT_TRUE(found && found->credential);
  EXPECT_EQ(*found->credential, credential_);
}

TEST_F(AuthStore, KeepsWhatElseTheFileHolds) {
  Write(Default(), R"({"psFormat": "x", "auths": {"a.example": {"auth": "dTpw", "email": "e"},
      "https://reg.example/v2/": {"auth": "b2xkOm9sZA=="}}, "credHelpers": {"gcr.io": "gcr"}})");
  ASSERT_TRUE(StoreCredential({}, "reg.example", credential_, environment_));
  auto json = Read(Default());
  EXPECT_EQ(json["psFormat"], "x");
  EXPECT_EQ(json["auths"]["a.example"]["email"], "e");
  EXPECT_EQ(json["credHelpers"]["gcr.io"], "gcr");
  EXPECT_EQ(json["auths"].size(), 2u) << "the other spelling of reg.example is replaced";
  EXPECT_EQ(json["auths"]["reg.example"]["auth"], "dXNlcjpzOmVjcmV0");
}

TEST_F(AuthStore, WritesDockersSpellingIntoDockersFile) {
  std::string path = root_ / "docker/config.json";
  ASSERT_TRUE(
      StoreCredential({.creds = "", .authfile = path}, "docker.io", credential_, environment_));
  EXPECT_TRUE(Read(path)["auths"].contains("https://index.docker.io/v1/"));
}

TEST_F(AuthStore, AnIdentityTokenIsNoPassword) {
  ASSERT_TRUE(StoreCredential({}, "reg.example", MakeCredential("<token>", "long"), environment_));
  EXPECT_EQ(Read(Default())["auths"]["reg.example"]["identitytoken"], "long");
  auto found = FindCredential({}, "reg.example", "x", environment_);
  ASSERT_TRUE(found && found->credential);
  EXPECT_EQ(found->credential->identity_token, "long");
  EXPECT_EQ(found->credential->password, "");
}

TEST_F(AuthStore, LeavesADamagedFileAlone) {
  Write(Default(), "{\"auths\": ");
  auto stored = StoreCredential({}, "reg.example", credential_, environment_);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(fs::file_size(Default()), 10u);
}

TEST_F(AuthStore, ALinkStaysALink) {
  Write(root_ / "real.json", "{}");
  fs::create_directories(fs::path(Default()).parent_path());
  fs::create_symlink(root_ / "real.json", Default());
  ASSERT_TRUE(StoreCredential({}, "reg.example", credential_, environment_));
  EXPECT_TRUE(fs::is_symlink(Default()));
  EXPECT_TRUE(Read(root_ / "real.json")["auths"].contains("reg.example"));
}

TEST_F(AuthStore, AHelperGetsTheSecretAndTheFileDoesNot) {
  Write(Default(), R"({"auths": {"reg.example": {"auth": "dTpw"}}, "credsStore": "pass"})");
  auto where = StoreCredential({}, "reg.example", credential_, environment_);
  ASSERT_TRUE(where) << where.error().message;
  EXPECT_EQ(*where, "docker-credential-pass");
  EXPECT_EQ(helpers_["pass"]["reg.example"], "s:ecret");
  EXPECT_TRUE(Read(Default())["auths"].empty());
  EXPECT_EQ(Read(Default())["credsStore"], "pass");
}

TEST_F(AuthStore, AHelperThatDockersFileNamesIsUsedToo) {
  Write(root_ / "home/.docker/config.json", R"({"credHelpers": {"reg.example": "own"}})");
  ASSERT_TRUE(StoreCredential({}, "reg.example", credential_, environment_));
  EXPECT_EQ(helpers_["own"]["reg.example"], "s:ecret");
  ASSERT_TRUE(StoreCredential({}, "other.example", credential_, environment_));
  EXPECT_TRUE(Read(Default())["auths"].contains("other.example"));
  // Unless a file was named.
  std::string named = root_ / "named.json";
  ASSERT_TRUE(
      StoreCredential({.creds = "", .authfile = named}, "reg.example", credential_, environment_));
  EXPECT_TRUE(Read(named)["auths"].contains("reg.example"));
}

TEST_F(AuthStore, ErasesInTheFileAndInTheHelper) {
  Write(Default(), R"({"auths": {"docker.io": {"auth": "dTpw"}, "a.example": {"auth": "dTpw"}},
      "credHelpers": {"gcr.io": "gcr"}})");
  helpers_["gcr"]["gcr.io"] = "x";
  EXPECT_TRUE(EraseCredential({}, "docker.io", environment_).value_or(false));
  EXPECT_FALSE(EraseCredential({}, "docker.io", environment_).value_or(true));
  EXPECT_TRUE(EraseCredential({}, "gcr.io", environment_).value_or(false));
  EXPECT_TRUE(helpers_["gcr"].empty());
  EXPECT_EQ(Read(Default())["auths"].size(), 1u);
}

TEST_F(AuthStore, ErasesAll) {
  Write(Default(), R"({"auths": {"docker.io": {"auth": "dTpw"}}, "credsStore": "pass",
      "credHelpers": {"gcr.io": "gcr"}})");
  helpers_["pass"]["reg.example"] = "x";
  helpers_["gcr"]["gcr.io"] = "x";
  ASSERT_TRUE(EraseAllCredentials({}, environment_));
  EXPECT_TRUE(helpers_["pass"].empty());
  EXPECT_TRUE(helpers_["gcr"].empty());
  EXPECT_TRUE(Read(Default())["auths"].empty());
}

}  // namespace
}  // namespace hoy::oci
