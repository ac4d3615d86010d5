#include "oci/registry/auth_file.h"

#include <gtest/gtest.h>

#include "oci/registry/base64.h"

namespace hoy::oci {
namespace {

TEST(Base64, DecodesWhatItEncodes) {
  for (std::string text : {"", "a", "ab", "abc", "user:pass", "\xff\xfe\x01"}) {
    EXPECT_EQ(Base64Decode(Base64Encode(text)), text);
  }
  EXPECT_EQ(Base64Encode("user:pass"), "dXNlcjpwYXNz");
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (std::string_view text : {"abc", "ab=c", "a===", "====", "ab c", "YWJj\nYWJj"}) {
    EXPECT_FALSE(Base64Decode(text)) << text;
  }
}

TEST(AuthKey, IsNormalizedToHostAndPath) {
  EXPECT_EQ(NormalizeAuthKey("https://index.docker.io/v1/"), "docker.io");
  EXPECT_EQ(NormalizeAuthKey("index.docker.io"), "docker.io");
  EXPECT_EQ(NormalizeAuthKey("registry-1.docker.io"), "docker.io");
  EXPECT_EQ(NormalizeAuthKey("https://reg.example/v2/"), "reg.example");
  EXPECT_EQ(NormalizeAuthKey("reg.example/v1"), "reg.example");
  EXPECT_EQ(NormalizeAuthKey("http://reg.example:5000"), "reg.example:5000");
  EXPECT_EQ(NormalizeAuthKey("Quay.io/team/app"), "quay.io/team/app");
  EXPECT_EQ(NormalizeAuthKey("https://reg.example/some/path"), "reg.example");
  for (const char* key :
       {"reg.example/v1/v2", "http://https://reg.example", "a/v1//", "A/v2/v1/"}) {
    std::string normal = NormalizeAuthKey(key);
    EXPECT_EQ(NormalizeAuthKey(normal), normal) << key;
  }
}

TEST(AuthFile, DecodesAuthAndTokens) {
  auto file = ParseAuthFile(R"({"auths": {
    "plain.example": {"auth": "dXNlcjpwYTpzcw=="},
    "token.example": {"auth": "PHRva2VuPjpyZWZyZXNo"},
    "identity.example": {"auth": "dXNlcjpwYXNz", "identitytoken": "refresh"},
    "registry.example": {"registrytoken": "bearer"},
    "fields.example": {"username": "u", "password": "p"}}})");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->Find("plain.example", "x")->username, "user");
  EXPECT_EQ(file->Find("plain.example", "x")->password, "pa:ss");
  EXPECT_EQ(file->Find("token.example", "x")->identity_token, "refresh");
  EXPECT_EQ(file->Find("token.example", "x")->password, "");
  EXPECT_EQ(file->Find("identity.example", "x")->identity_token, "refresh");
  EXPECT_EQ(file->Find("registry.example", "x")->registry_token, "bearer");
  EXPECT_EQ(file->Find("fields.example", "x")->password, "p");
  EXPECT_EQ(file->Find("other.example", "x"), nullptr);
}

TEST(AuthFile, PrefersTheLongestPrefix) {
  auto file = ParseAuthFile(R"({"auths": {
    "quay.io": {"username": "host"},
    "quay.io/team": {"username": "team"},
    "quay.io/team/app": {"username": "app"}}})");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->Find("quay.io", "team/app")->username, "app");
  EXPECT_EQ(file->Find("quay.io", "team/other")->username, "team");
  EXPECT_EQ(file->Find("quay.io", "team/app2")->username, "team");
  EXPECT_EQ(file->Find("quay.io", "teams/app")->username, "host");
}

TEST(AuthFile, LooksBehindTheEmptyEntriesOfACredentialStore) {
  auto file =
      ParseAuthFile(R"({"auths": {"reg.example": {}, "https://reg.example": {"username": "u"}},
    "credsStore": "secretservice", "credHelpers": {"gcr.io": "gcloud"}})");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->Find("reg.example", "x")->username, "u");
  EXPECT_EQ(file->HelperFor("gcr.io"), "gcloud");
  EXPECT_EQ(file->HelperFor("reg.example"), "secretservice");
}

TEST(AuthFile, RefusesWhatIsDamaged) {
  for (std::string_view text :
       {"{", "[]", R"({"auths": []})", R"({"auths": {"a": {"auth": "!!"}}})",
        R"({"auths": {"a": {"auth": "bm9jb2xvbg=="}}})"}) {
    auto file = ParseAuthFile(text);
    ASSERT_FALSE(file) << text;
    EXPECT_EQ(file.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_TRUE(ParseAuthFile(""));
  EXPECT_TRUE(ParseAuthFile(R"({"auths": null, "HttpHeaders": {"a": "b"}})"));
}

TEST(HelperAnswer, HasAUserOrAnIdentityToken) {
  auto user = ParseHelperAnswer(R"({"ServerURL": "s", "Username": "u", "Secret": "p"})");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->password, "p");
  auto token = ParseHelperAnswer(R"({"Username": "<token>", "Secret": "t"})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->identity_token, "t");
  EXPECT_EQ(token->password, "");
  EXPECT_FALSE(ParseHelperAnswer("{}"));
  EXPECT_FALSE(ParseHelperAnswer("credentials not found"));
}

}  // namespace
}  // namespace hoy::oci
