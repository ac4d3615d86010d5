#include "core/rootfs/executable.h"

#include <gtest/gtest.h>

#include "tests/unit/core/rootfs/scratch_root.h"

namespace hoy::core {
namespace {

class Executable : public testing::Test {
 protected:
  Result<std::string> Find(const std::string& name, const std::string& path = "/usr/bin:/bin",
                           const std::string& cwd = "/work") {
    auto root = OpenRoot({upper.path(), lower.path()});
    return FindExecutable(root, path, cwd, name);
  }
  ScratchLayer upper;
  ScratchLayer lower;
};

TEST_F(Executable, TakesTheFirstOnPath) {
  lower.Program("bin/ls");
  lower.Program("usr/bin/env");
  lower.Program("bin/env");
  lower.Program("work/tool");
  lower.Program("work/sub/tool2");
  EXPECT_EQ(*Find("ls"), "/bin/ls");
  EXPECT_EQ(*Find("env"), "/usr/bin/env");
  EXPECT_EQ(*Find("env", "/bin/:/usr/bin"), "/bin/env");
  EXPECT_EQ(*Find("tool", "/bin::/usr/bin"), "/work/tool");
  EXPECT_EQ(*Find("tool2", "sub"), "/work/sub/tool2");
}

TEST_F(Executable, LeavesNamesWithASlashToTheKernel) {
  EXPECT_EQ(*Find("/no/such"), "/no/such");
  EXPECT_EQ(*Find("./tool"), "/work/./tool");
  EXPECT_EQ(*Find("a/b", "", "/"), "/a/b");
}

TEST_F(Executable, SkipsDirectoriesAndFilesWithoutAnXBit) {
  lower.Directory("usr/bin/tool");
  lower.File("bin/tool", "x", 0644);
  auto refused = Find("tool", "/usr/bin:/bin:/sbin");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().system_errno, EACCES);
  upper.Program("sbin/tool");
  EXPECT_EQ(*Find("tool", "/usr/bin:/bin:/sbin"), "/sbin/tool");
}

TEST_F(Executable, TellsNotFoundAsData) {
  auto found = Find("nope");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, ErrorKind::kStart);
  EXPECT_EQ(found.error().stage, "lookup");
  EXPECT_EQ(found.error().system_errno, ENOENT);
  EXPECT_EQ(found.error().subject, "nope");
  EXPECT_EQ(Find("").error().system_errno, ENOENT);
}

TEST_F(Executable, FindsPathInAnEnvironment) {
  EXPECT_EQ(PathOf({"A=1", "PATH=/x:/y", "XPATH=3"}), "/x:/y");
  EXPECT_EQ(PathOf({"XPATH=3"}), kDefaultPath);
}

TEST_F(Executable, SuggestsNamesThatAreClose) {
  for (const char* name : {"python3", "pydoc", "ls", "lsof", "cat", "grep", "egrep"}) {
    lower.Program("bin/" + std::string(name));
  }
  lower.File("bin/pythons", "not executable", 0644);
  upper.Whiteout("bin/lsof");
  auto root = OpenRoot({upper.path(), lower.path()});
  using Names = std::vector<std::string>;
  EXPECT_EQ(NearbyExecutables(root, "/bin:/bin/", "python"), Names{"python3"});
  EXPECT_EQ(NearbyExecutables(root, "/bin", "gerp"), (Names{"grep"}));
  EXPECT_EQ(NearbyExecutables(root, "/bin", "sl"), Names{});
  EXPECT_EQ(NearbyExecutables(root, "/bin", "lss"), Names{"ls"});
  EXPECT_EQ(NearbyExecutables(root, "/bin", "q"), Names{});
  EXPECT_EQ(NearbyExecutables(root, "/bin", std::string(500, 'x')), Names{});
}

}  // namespace
}  // namespace hoy::core
