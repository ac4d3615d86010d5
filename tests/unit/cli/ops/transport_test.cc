#include "cli/ops/transport.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(Transport, IsSpelledAsSkopeoSpellsIt) {
  auto oci = ParseTransport("oci:/dir:v1");
  ASSERT_TRUE(oci);
  EXPECT_EQ(oci->transport, Transport::kOci);
  EXPECT_EQ(oci->path, "/dir");
  EXPECT_EQ(oci->reference, "v1");
  auto archive = ParseTransport("docker-archive:file.tar:localhost:5000/app:1");
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->path, "file.tar");
  EXPECT_EQ(archive->reference, "localhost:5000/app:1");
  EXPECT_EQ(ParseTransport("oci-archive:x")->reference, "");
  EXPECT_EQ(ParseTransport("dir:/a:b")->path, "/a:b");
  EXPECT_FALSE(ParseTransport("busybox:latest"));
  EXPECT_FALSE(ParseTransport("docker://busybox"));
  EXPECT_EQ(WithoutDockerTransport("docker://busybox"), "busybox");
}

TEST(Transport, OtherProgramsStoresAreRefusedWithAWay) {
  for (const char* text : {"docker-daemon:app:1", "containers-storage:app", "ostree:x", "sif:x"}) {
    auto checked = CheckTransport(text);
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().kind, ErrorKind::kUnsupported);
    EXPECT_FALSE(checked.error().hint.empty());
  }
  for (const char* text : {"oci:x", "docker://x", "app:1"}) EXPECT_TRUE(CheckTransport(text));
}

}  // namespace
}  // namespace hoy::cli
