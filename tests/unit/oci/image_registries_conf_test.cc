#include <gtest/gtest.h>

#include "oci/image/registries_conf.h"

namespace hoy::oci {
namespace {

RegistriesConf Parse(std::string_view text) {
  auto conf = ParseRegistriesConf(text, "test.conf");
  EXPECT_TRUE(conf) << conf.error().message;
  return conf.value_or(RegistriesConf{});
}
Reference Ref(std::string_view text) {
  return Reference::ParseWithDefaultTag(text).value();
}
std::vector<std::string> Places(const RegistriesConf& conf, std::string_view name) {
  auto endpoints = EndpointsFor(conf, Ref(name));
  if (!endpoints) return {endpoints.error().message};
  std::vector<std::string> places;
  for (const PullEndpoint& endpoint : *endpoints) {
    places.push_back(endpoint.reference.ToString() + (endpoint.insecure ? " insecure" : "") +
                     (endpoint.mirror ? " mirror" : ""));
  }
  return places;
}
using List = std::vector<std::string>;
const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(RegistriesConf, WithoutATableTheNameIsThePlace) {
  EXPECT_EQ(Places({}, "busybox"), List{"docker.io/library/busybox:latest"});
  EXPECT_EQ(Places(Parse("unqualified-search-registries = ['quay.io']"), "busybox"),
            List{"docker.io/library/busybox:latest"});
}

TEST(RegistriesConf, RewritesTheLocation) {
  auto conf = Parse("[[registry]]\nprefix='example.com/foo'\nlocation='internal.net/bar/'\n");
  EXPECT_EQ(Places(conf, "example.com/foo/my/image:1"), List{"internal.net/bar/my/image:1"});
  EXPECT_EQ(Places(conf, "example.com/foo:2"), List{"internal.net/bar:2"});
  EXPECT_EQ(Places(conf, "example.com/foobar:2"), List{"example.com/foobar:2"});
}

TEST(RegistriesConf, TheLongestPrefixWins) {
  auto conf = Parse(
      "[[registry]]\nlocation='example.com'\ninsecure=true\n"
      "[[registry]]\nprefix='example.com/a/b'\nlocation='x.net'\n"
      "[[registry]]\nprefix='example.com/a'\nlocation='y.net'\n");
  EXPECT_EQ(Places(conf, "example.com/a/b/c"), List{"x.net/c:latest"});
  EXPECT_EQ(Places(conf, "example.com/a/c"), List{"y.net/c:latest"});
  EXPECT_EQ(Places(conf, "example.com/c"), List{"example.com/c:latest insecure"});
  EXPECT_EQ(Places(conf, "example.com:5000/c"), List{"example.com:5000/c:latest"})
      << "another port is another registry";
}

TEST(RegistriesConf, WildcardsMatchSubdomains) {
  auto conf = Parse("[[registry]]\nprefix='*.example.com'\ninsecure=true\n");
  EXPECT_EQ(Places(conf, "a.b.example.com/x"), List{"a.b.example.com/x:latest insecure"});
  EXPECT_EQ(Places(conf, "example.com/x"), List{"example.com/x:latest"});
}

TEST(RegistriesConf, MirrorsComeFirstInTheirOrder) {
  auto conf = Parse(
      "[[registry]]\nprefix='docker.io'\n"
      "[[registry.mirror]]\nlocation='one.net/hub'\n"
      "[[registry.mirror]]\nlocation='two.net'\ninsecure=true\npull-from-mirror='digest-only'\n"
      "[[registry.mirror]]\nlocation='three.net'\npull-from-mirror='tag-only'\n");
  EXPECT_EQ(Places(conf, "busybox:1"),
            (List{"one.net/hub/library/busybox:1 mirror", "three.net/library/busybox:1 mirror",
                  "docker.io/library/busybox:1"}));
  EXPECT_EQ(Places(conf, "busybox@" + kDigest),
            (List{"one.net/hub/library/busybox@" + kDigest + " mirror",
                  "two.net/library/busybox@" + kDigest + " insecure mirror",
                  "docker.io/library/busybox@" + kDigest}));
}

TEST(RegistriesConf, MirrorByDigestOnly) {
  auto conf = Parse(
      "[[registry]]\nprefix='a.com'\nmirror-by-digest-only=true\n"
      "[[registry.mirror]]\nlocation='one.net'\n");
  EXPECT_EQ(Places(conf, "a.com/x:1"), List{"a.com/x:1"});
  EXPECT_EQ(Places(conf, "a.com/x@" + kDigest).size(), 2u);
}

TEST(RegistriesConf, BlockedNamesTheRule) {
  auto conf = Parse("[[registry]]\nprefix='a.com/x'\nblocked=true\n");
  auto endpoints = EndpointsFor(conf, Ref("a.com/x/y"));
  ASSERT_FALSE(endpoints);
  EXPECT_EQ(endpoints.error().kind, ErrorKind::kPermission);
  EXPECT_EQ(endpoints.error().message,
            "'a.com/x/y:latest' is blocked: prefix 'a.com/x' in 'test.conf'");
}

TEST(RegistriesConf, ALocationCannotChangeTheTag) {
  auto conf = Parse("[[registry]]\nprefix='a.com/x:1'\nlocation='b.com/x:2'\n");
  auto endpoints = EndpointsFor(conf, Ref("a.com/x:1"));
  ASSERT_FALSE(endpoints);
  EXPECT_EQ(endpoints.error().kind, ErrorKind::kCorrupt);
}

TEST(RegistriesConf, AliasesKeepTagAndDigest) {
  auto conf = Parse("[aliases]\n'fedora'='registry.fedoraproject.org/fedora'\n'a/b'='c.io/d'\n");
  EXPECT_EQ(ResolveAlias(conf, "fedora"), "registry.fedoraproject.org/fedora");
  EXPECT_EQ(ResolveAlias(conf, "fedora:40"), "registry.fedoraproject.org/fedora:40");
  EXPECT_EQ(ResolveAlias(conf, "a/b@" + kDigest), "c.io/d@" + kDigest);
  EXPECT_EQ(ResolveAlias(conf, "localhost:5000/fedora"), "localhost:5000/fedora");
  EXPECT_EQ(ResolveAlias(conf, "other:1"), "other:1");
}

TEST(RegistriesConf, ShortNamesHaveNoRegistry) {
  for (const char* name : {"busybox", "team/app:1", "a/b/c",
                           "busybox@sha256:"
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_TRUE(IsShortName(name)) << name;
  }
  for (const char* name : {"docker.io/busybox", "index.docker.io/x", "localhost/x", "a:5000/x",
                           "quay.io/a/b:1", "", "UPPER", "sha256:ab:cd"}) {
    EXPECT_FALSE(IsShortName(name)) << name;
  }
}

TEST(RegistriesConf, InsecureAndBlockedAreForAllThatTalkToARegistry) {
  auto conf = Parse(
      "[[registry]]\nlocation='a.com:5000'\ninsecure=true\n"
      "[[registry]]\nprefix='a.com:5000/x'\nblocked=true\n");
  EXPECT_TRUE(IsInsecureRegistry(conf, "a.com:5000").value());
  EXPECT_TRUE(IsInsecureRegistry(conf, "a.com:5000/y:1").value());
  EXPECT_FALSE(IsInsecureRegistry(conf, "a.com").value());
  EXPECT_EQ(IsInsecureRegistry(conf, "a.com:5000/x/y:1").error().kind, ErrorKind::kPermission);
}

TEST(RegistriesConf, LaterFilesReplaceTablesAndEraseAliases) {
  auto conf = Parse("[[registry]]\nprefix='a.com'\nlocation='b.com'\n[aliases]\nx='y.io/x'\n");
  MergeRegistriesConf(conf, Parse("[[registry]]\nprefix='a.com'\nblocked=true\n[aliases]\nx=''\n"));
  EXPECT_TRUE(conf.registries.at("a.com").blocked);
  EXPECT_EQ(conf.registries.at("a.com").location, "a.com");
  EXPECT_TRUE(conf.aliases.empty());
}

TEST(RegistriesConf, SaysWhichLineIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"[[registry]]\nprefix = \n", "'test.conf', line 2: "},
      {"[[registry]]\nprefix = 3\n", "'test.conf', line 2: 'prefix' is no text"},
      {"\n[[registry]]\ninsecure = true\n", "neither prefix nor location"},
      {"[[registry]]\nprefix = 'a.*.com'\n", "a wildcard is written *.example.com"},
      {"[[registry]]\nprefix='a'\n[[registry]]\nprefix='a'\n", "'a' comes twice"},
      {"registry = 1\n", "no list of tables"},
      {"[aliases]\nx = 'y'\n", "'y' is not a full name without a tag"},
      {"[aliases]\nx = 'quay.io/y:1'\n", "'quay.io/y:1' is not a full name"},
      {"[aliases]\n'x:1' = 'quay.io/y'\n", "not a short name without a tag"},
      {"[aliases]\n'quay.io/x' = 'quay.io/y'\n", "not a short name"},
      {"\xc3\xa9 = 1\n", "test.conf"},
      {"a.\xe2\x82\xac = 1\n", "test.conf"},
      {"\xff = 1\n", "test.conf"},
      {"[registries.search]\nregistries = ['a']\n", "version 1"},
      {"[[registry]]\nprefix='a'\n[[registry.mirror]]\nlocation='b'\npull-from-mirror='x'\n",
       "pull-from-mirror is 'x'"},
  };
  for (const auto& [text, expected] : cases) {
    auto conf = ParseRegistriesConf(text, "test.conf");
    ASSERT_FALSE(conf) << text;
    EXPECT_NE(conf.error().message.find(expected), std::string::npos) << conf.error().message;
  }
}

}  // namespace
}  // namespace hoy::oci
