#include <gtest/gtest.h>

#include "oci/trust/policy.h"

namespace hoy::oci {
namespace {

constexpr char kHex[] = "3333333333333333333333333333333333333333333333333333333333333333";

std::string At(const std::string& name) {
  return name + "@sha256:" + kHex;
}

Reference Ref(const std::string& text) {
  return Reference::Parse(text).value();
}

Result<Policy> Parse(const std::string& text) {
  return ParsePolicy(text, "policy.json");
}

// Which rule an image comes to: the scope, "" for the transport's default, "*" for the policy's.
std::string RuleFor(const std::vector<std::string>& scopes, const ImageIdentity& image) {
  Policy policy{.fallback = {{}}, .transports = {}, .origin = "policy.json"};
  for (const std::string& scope : scopes) policy.transports[image.transport][scope] = {{}};
  PolicyRule rule = FindRule(policy, image);
  for (const auto& [scope, requirements] : policy.transports[image.transport]) {
    if (rule.requirements == &requirements) return scope;
  }
  return "*";
}

TEST(PolicyScopes, TheMostSpecificOneWins) {
  const std::vector<std::string> all = {"",
                                        "*.com",
                                        "*.example.com",
                                        "reg.example.com:5000",
                                        "reg.example.com:5000/a",
                                        "reg.example.com:5000/a/b",
                                        "reg.example.com:5000/a/b:1"};
  ImageIdentity image = DockerIdentity(Ref("reg.example.com:5000/a/b:1"));
  std::vector<std::string> scopes = all;
  for (auto wanted : {6, 5, 4, 3, 1, 2, 0}) {
    // Parent domains come after the registry itself, the nearer one first.
    std::string scope = wanted == 1   ? all[2]
                        : wanted == 2 ? all[1]
                                      : all[static_cast<size_t>(wanted)];
    EXPECT_EQ(RuleFor(scopes, image), scope);
    std::erase(scopes, scope);
  }
  EXPECT_EQ(RuleFor({}, image), "*");
}

TEST(PolicyScopes, NamesAreInTheirFullForm) {
  ImageIdentity busybox = DockerIdentity(Ref("busybox:1"));
  EXPECT_EQ(RuleFor({"docker.io/library"}, busybox), "docker.io/library");
  EXPECT_EQ(RuleFor({"busybox", "library/busybox", "docker.io/lib"}, busybox), "*");
  EXPECT_EQ(RuleFor({"*.io"}, busybox), "*.io");
}

TEST(PolicyScopes, ATagBesideADigestProvesNothing) {
  ImageIdentity image = DockerIdentity(Ref(At("docker.io/a/b:1")));
  EXPECT_EQ(RuleFor({"docker.io/a/b:1", "docker.io/a"}, image), "docker.io/a");
  EXPECT_EQ(RuleFor({At("docker.io/a/b"), "docker.io/a"}, image), At("docker.io/a/b"));
}

TEST(PolicyScopes, PathsAreMatchedByTheirParents) {
  EXPECT_EQ(RuleFor({"/a", "/a/b"}, PathIdentity("dir", "/a/b/c")), "/a/b");
  EXPECT_EQ(RuleFor({"/a/b"}, PathIdentity("dir", "/a/bc")), "*");
  EXPECT_EQ(RuleFor({"/a/b", "/a/b:1"}, PathIdentity("oci", "/a/b", "1")), "/a/b:1");
  EXPECT_EQ(RuleFor({"/a/b", "/a/b:1"}, PathIdentity("oci", "/a/b", "2")), "/a/b");
  EXPECT_EQ(RuleFor({"", "/a"}, PathIdentity("oci-archive", "")), "") << "stdin";
  EXPECT_EQ(RuleFor({"/a"}, PathIdentity("docker-archive", "/a/b")), "*");
}

struct IdentityCase {
  const char* text;  // signedIdentity
  std::string image;
  std::string claimed;
  bool matches;
};

class PolicyIdentity : public testing::TestWithParam<IdentityCase> {};

TEST_P(PolicyIdentity, DecidesWhichNamesDo) {
  const IdentityCase& one = GetParam();
  auto policy = Parse(std::string(R"({"default":[{"type":"signedBy","keyType":"GPGKeys",)") +
                      R"("keyPath":"/k","signedIdentity":)" + one.text + "}]}");
  ASSERT_TRUE(policy) << policy.error().message;
  std::optional<Reference> image;
  if (!one.image.empty()) image = Ref(one.image);
  EXPECT_EQ(MatchesIdentity(policy->fallback[0].identity, image ? &*image : nullptr, one.claimed),
            one.matches)
      << one.text << " " << one.image << " " << one.claimed;
}

constexpr char kRepoOrExact[] = R"({"type":"matchRepoDigestOrExact"})";
constexpr char kExact[] = R"({"type":"matchExact"})";
constexpr char kRepository[] = R"({"type":"matchRepository"})";
constexpr char kReference[] = R"({"type":"exactReference","dockerReference":"busybox:1"})";
constexpr char kExactRepository[] = R"({"type":"exactRepository","dockerRepository":"busybox"})";
constexpr char kRemap[] =
    R"({"type":"remapIdentity","prefix":"mirror.test:5000/v","signedPrefix":"vendor.test"})";

INSTANTIATE_TEST_SUITE_P(
    Cases, PolicyIdentity,
    testing::Values(IdentityCase{kRepoOrExact, "busybox:1", "docker.io/library/busybox:1", true},
                    IdentityCase{kRepoOrExact, "busybox:1", "busybox:1", true},
                    IdentityCase{kRepoOrExact, "busybox:1", "busybox:2", false},
                    IdentityCase{kRepoOrExact, "busybox:1", "busybox", false},
                    IdentityCase{kRepoOrExact, "busybox:1", At("busybox"), false},
                    IdentityCase{kRepoOrExact, At("busybox"), "busybox:2", true},
                    IdentityCase{kRepoOrExact, At("busybox:1"), "busybox:2", true},
                    IdentityCase{kRepoOrExact, At("busybox"), "other:2", false},
                    IdentityCase{kRepoOrExact, "busybox:1", "BUSYBOX:1", false},
                    IdentityCase{kRepoOrExact, "", "busybox:1", false},
                    IdentityCase{kExact, "busybox:1", "busybox:1", true},
                    IdentityCase{kExact, At("busybox"), "busybox:1", false},
                    IdentityCase{kExact, At("busybox"), At("busybox"), true},
                    IdentityCase{kExact, "busybox", "busybox", false},
                    IdentityCase{kRepository, "busybox:1", "busybox:2", true},
                    IdentityCase{kRepository, "busybox:1", "busybox", true},
                    IdentityCase{kRepository, "busybox:1", "busybox2:1", false},
                    IdentityCase{kReference, "", "docker.io/library/busybox:1", true},
                    IdentityCase{kReference, "other:1", "busybox:1", true},
                    IdentityCase{kReference, "", "busybox:2", false},
                    IdentityCase{kExactRepository, "", "busybox:2", true},
                    IdentityCase{kExactRepository, "", "other:2", false},
                    IdentityCase{kRemap, "mirror.test:5000/v/app:1", "vendor.test/app:1", true},
                    IdentityCase{kRemap, "mirror.test:5000/v/app:1", "vendor.test/app:2", false},
                    IdentityCase{kRemap, At("mirror.test:5000/v/app"), "vendor.test/app:2", true},
                    IdentityCase{kRemap, "mirror.test:5000/vx/app:1", "vendor.testx/app:1", false},
                    IdentityCase{kRemap, "elsewhere.test/app:1", "elsewhere.test/app:1", true}));

TEST(PolicyFile, SaysWhatItIsAskedTo) {
  auto policy = Parse(R"({
    "default": [{"type": "reject"}],
    "transports": {
      "docker": {"docker.io/library/busybox": [{"type": "insecureAcceptAnything"}],
                 "quay.io": [{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/a", "/b"]},
                             {"type": "sigstoreSigned", "keyData": "a2V5"}]},
      "docker-daemon": {"": [{"type": "insecureAcceptAnything"}]}}})");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->fallback[0].kind, PolicyRequirement::Kind::kReject);
  const PolicyRequirements& quay = policy->transports["docker"]["quay.io"];
  ASSERT_EQ(quay.size(), 2u);
  EXPECT_EQ(quay[0].key_paths, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(quay[1].key_data, (std::vector<std::string>{"key"}));
}

class PolicyError : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(PolicyError, IsNeverAcceptance) {
  auto policy = Parse(GetParam().first);
  ASSERT_FALSE(policy) << GetParam().first;
  EXPECT_EQ(policy.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(policy.error().message.find(GetParam().second), std::string::npos)
      << policy.error().message;
  EXPECT_TRUE(policy.error().message.starts_with("policy 'policy.json': "));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, PolicyError,
    testing::Values(
        std::pair{"", "error"}, std::pair{"[]", "it is not an object"},
        std::pair{"{}", "it lacks 'default'"},
        std::pair{R"({"default":[]})", "'default' has no requirement"},
        std::pair{R"({"default":null})", "not a list"},
        std::pair{R"({"default":[{"type":"accept"}]})", "the requirement 'accept' is unknown"},
        std::pair{R"({"default":[{}]})", "lacks 'type'"},
        std::pair{R"({"default":[{"type":"reject","x":1}]})", "has a 'x', which is unknown"},
        std::pair{R"({"default":[{"type":"reject"}],"Default":[]})", "'Default', which is unknown"},
        std::pair{
            R"({"default":[{"type":"insecureAcceptAnything"}],"default":[{"type":"reject"}]})",
            "'default' comes twice"},
        std::pair{R"({"default":[{"type":"reject"}],"transports":{"dokcer":{}}})", "'dokcer'"},
        std::pair{
            R"({"default":[{"type":"reject"}],"transports":{"dir":{"a":[{"type":"reject"}]}}})",
            "not an absolute path"},
        std::pair{
            R"({"default":[{"type":"reject"}],"transports":{"dir":{"/a/../b":[{"type":"reject"}]}}})",
            "not a clean path"},
        std::pair{
            R"({"default":[{"type":"reject"}],"transports":{"docker":{"a.*.c":[{"type":"reject"}]}}})",
            "a wildcard is written *.example.com"},
        std::pair{R"({"default":[{"type":"signedBy","keyPath":"/k"}]})", "lacks 'keyType'"},
        std::pair{R"({"default":[{"type":"signedBy","keyType":"X509","keyPath":"/k"}]})",
                  "GPGKeys"},
        std::pair{R"({"default":[{"type":"signedBy","keyType":"GPGKeys"}]})", "exactly one of"},
        std::pair{R"({"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":""}]})",
                  "exactly one"},
        std::pair{
            R"({"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k","keyData":"a2V5"}]})",
            "exactly one of"},
        std::pair{R"({"default":[{"type":"signedBy","keyType":"GPGKeys","keyData":"!"}]})",
                  "not base64"},
        std::pair{R"({"default":[{"type":"sigstoreSigned"}]})", "exactly one of"},
        std::pair{
            R"({"default":[{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"x"}}]})",
            "of the type 'x' is unknown"},
        std::pair{
            R"({"default":[{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"exactReference","dockerReference":"busybox"}}]})",
            "no tag"},
        std::pair{
            R"({"default":[{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"remapIdentity","prefix":"busybox","signedPrefix":"docker.io"}}]})",
            "'prefix' 'busybox'"}));

TEST(PolicyFile, WhatCannotBeCheckedIsKeptAsThat) {
  auto policy =
      Parse(R"({"default":[{"type":"sigstoreSigned","fulcio":{},"rekorPublicKeyData":"a2V5"}]})");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_FALSE(policy->fallback[0].unsupported.empty());
}

}  // namespace
}  // namespace hoy::oci
