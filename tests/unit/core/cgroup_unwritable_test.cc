#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/cgroup/cgroup.h"
#include "core/cgroup/driver.h"
#include "core/cgroup/tree.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr int64_t kMiB = 1 << 20;

// Places that are not cgroups behave as a host does that keeps hoy out.
TEST(CgroupUnwritable, WithoutLimitsAContainerRunsWithoutACgroup) {
  CgroupHost host{CgroupVersion::kV1, {{"memory", "/proc/self", ""}, {"pids", "/proc/self", ""}}};
  auto made = MakeCgroupV1Driver()->Create(host, {.id = "x"});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->location.version, CgroupVersion::kNone);
  EXPECT_NE(made->none_reason.find("/proc/self"), std::string::npos) << made->none_reason;
  EXPECT_FALSE(made->devices_enforced);
}

TEST(CgroupUnwritable, ALimitThatCannotBeEnforcedNamesTheControllerAndTheWayOut) {
  CgroupRequest request{.id = "x"};
  request.limits.memory_bytes = 64 * kMiB;
  CgroupHost closed{CgroupVersion::kV1, {{"memory", "/proc/self", ""}}};
  CgroupHost missing{CgroupVersion::kV1, {{"pids", "/proc/self", ""}}};
  for (const CgroupHost& host : {closed, missing}) {
    auto made = MakeCgroupV1Driver()->Create(host, request);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(made.error().message.find("--memory: the memory cgroup controller"),
              std::string::npos)
        << made.error().message;
    EXPECT_FALSE(made.error().hint.empty());
  }
}

TEST(CgroupUnwritable, AMissingFileIsUnsupportedUnlessThereIsAnother) {
  char directory[] = "/tmp/hoy-cgroup-test-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  std::string dir = directory;
  LimitWrite write{"io", "io.bfq.weight", "500", "--blkio-weight", "io.weight", "4950"};
  auto none = WriteLimit(dir, write);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(none.error().message.find("--blkio-weight"), std::string::npos);
  write.required = false;
  EXPECT_TRUE(WriteLimit(dir, write));
  write.required = true;
  {
    Fd file(open((dir + "/io.weight").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  EXPECT_TRUE(WriteLimit(dir, write));
  EXPECT_EQ(ReadFile(dir + "/io.weight").value_or(""), "4950");
  std::filesystem::remove_all(directory);
}

TEST(CgroupUnwritable, NoCgroupIsHarmless) {
  Cgroup none = Cgroup::Open({});
  EXPECT_TRUE(none.Join(getpid()));
  EXPECT_TRUE(none.Kill());
  EXPECT_TRUE(none.Remove());
  EXPECT_TRUE(none.IsEmpty().value_or(false));
  EXPECT_EQ(none.OomKills(), 0U);
  EXPECT_EQ(none.Freeze().error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace hoy::core
