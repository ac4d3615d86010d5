#include <gtest/gtest.h>

#include "oci/image/digest.h"
#include "oci/image/reference.h"

namespace hoy::oci {
namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

TEST(Digest, TakesSha256Only) {
  EXPECT_EQ(Digest::Parse(kDigest)->hex(), kHex);
  EXPECT_EQ(Digest::Parse(kDigest)->Short(), std::string(12, 'a'));
  for (const std::string& text :
       {std::string(), kHex, "sha256:" + kHex.substr(1), "sha256:" + std::string(64, 'A'),
        "sha512:" + kHex + kHex, "sha256:" + kHex + "a",
        std::string("sha256:../../../etc/passwd")}) {
    EXPECT_FALSE(Digest::Parse(text)) << text;
  }
}

struct Valid {
  std::string text;
  std::string canonical;  // with the default tag
  std::string familiar;
};

TEST(Reference, ExpandsAndShortensAsDockerDoes) {
  const Valid cases[] = {
      {"busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
      {"library/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"},
      {"grafana/grafana", "docker.io/grafana/grafana:latest", "grafana/grafana:latest"},
      {"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
      {"a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest"},
      {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
      {"localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"},
      {"foo:5000/app", "foo:5000/app:latest", "foo:5000/app:latest"},
      {"quay.io/org/app@" + kDigest, "quay.io/org/app@" + kDigest, "quay.io/org/app@" + kDigest},
      {"busybox:1@" + kDigest, "docker.io/library/busybox:1@" + kDigest, "busybox:1@" + kDigest},
      {"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest"},
      {"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
      {"[2001:db8::1]/x", "[2001:db8::1]/x:latest", "[2001:db8::1]/x:latest"},
      {"Host/app", "Host/app:latest", "Host/app:latest"},
      {"a__b/c-----d.e_f", "docker.io/a__b/c-----d.e_f:latest", "a__b/c-----d.e_f:latest"},
      {"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"},
      {"deadbeef", "docker.io/library/deadbeef:latest", "deadbeef:latest"},
      {"x:_Tag.with-All", "docker.io/library/x:_Tag.with-All", "x:_Tag.with-All"},
  };
  for (const Valid& expected : cases) {
    auto reference = Reference::ParseWithDefaultTag(expected.text);
    ASSERT_TRUE(reference) << expected.text << ": " << reference.error().message;
    EXPECT_EQ(reference->ToString(), expected.canonical);
    EXPECT_EQ(reference->Familiar(), expected.familiar);
    EXPECT_EQ(Reference::Parse(reference->ToString()), *reference) << "must read back";
    EXPECT_EQ(Reference::ParseWithDefaultTag(reference->Familiar()), *reference);
  }
}

TEST(Reference, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "empty"},
      {"Busybox", "lower case"},
      {"docker.io/Library/x", "lower case"},
      {"https://docker.io/busybox", "scheme"},
      {"busy box", "white space"},
      {"busybox\n", "white space"},
      {kHex, "image id"},
      {":tag", "no name"},
      {"@" + kDigest, "no name"},
      {"busybox:", "tag is malformed"},
      {"busybox:-x", "tag is malformed"},
      {"busybox:a:b", "malformed"},
      {"busybox:" + std::string(129, 'a'), "128"},
      {"busybox@sha256:abc", "64 lower-case hex"},
      {"busybox@md5:abc", "not sha256"},
      {"busybox@", "no algorithm"},
      {"/busybox", "malformed"},
      {"busybox/", "malformed"},
      {"a//b", "malformed"},
      {"a..b", "malformed"},
      {"a___b", "malformed"},
      {"-a", "malformed"},
      {"a-", "malformed"},
      {"a/../b", "malformed"},
      {"-host.com/x", "host is malformed"},
      {"host..com/x", "host is malformed"},
      {"host:port/x", "host is malformed"},
      {"host.com:/x", "host is malformed"},
      {"[::1/x", "malformed"},
      {"caf\xc3\xa9", "malformed"},
      {std::string("a\0b", 3), "malformed"},
      {std::string(256, 'a'), "255"},
  };
  for (const auto& [text, reason] : cases) {
    auto reference = Reference::ParseWithDefaultTag(text);
    ASSERT_FALSE(reference) << text;
    EXPECT_EQ(reference.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(reference.error().message.find(reason), std::string::npos)
        << text << ": " << reference.error().message;
  }
}

TEST(Reference, CountsDomainAndPathForTheLengthLimit) {
  std::string path(255 - std::string("docker.io/library/").size(), 'a');
  EXPECT_TRUE(Reference::Parse(path));
  EXPECT_FALSE(Reference::Parse(path + "a"));
}

TEST(Reference, GivesTheDigestPrecedenceOverTheTag) {
  auto reference = Reference::Parse("busybox:1@" + kDigest);
  EXPECT_EQ(reference->TagOrDigest(), kDigest);
  EXPECT_EQ(reference->WithTag("2").ToString(), "docker.io/library/busybox:2");
  EXPECT_EQ(reference->WithDigest(*Digest::Parse(kDigest)).ToString(),
            "docker.io/library/busybox@" + kDigest);
}

}  // namespace
}  // namespace hoy::oci
