#include "cli/ops/path_pattern.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::cli {
namespace {

using Strings = std::vector<std::string>;

TEST(PathPattern, FindsWhatAShellWould) {
  core::ScratchDirectory top;
  for (const char* directory : {"a1", "a2", "b", ".hidden"}) {
    ASSERT_TRUE(core::MakeDirectory(top / directory, 0755).has_value());
  }
  for (const char* file : {"a1/x.so", "a1/y.so", "a1/.z.so", "a2/x.so", "b/x.so", ".hidden/x.so"}) {
    core::PutFile(top / file, "");
  }
  ASSERT_EQ(symlink("b", (top / "link").c_str()), 0);
  EXPECT_EQ(FindPaths(top / "a*/*.so"),
            (Strings{top / "a1/x.so", top / "a1/y.so", top / "a2/x.so"}));
  EXPECT_EQ(FindPaths(top / "[bl]*/x.s?"), (Strings{top / "b/x.so", top / "link/x.so"}));
  EXPECT_EQ(FindPaths(top / "*/x.so").size(), 4U);
  EXPECT_EQ(FindPaths(top / "b/x.so"), Strings{top / "b/x.so"});
  EXPECT_EQ(FindPaths(top / "c*/x.so"), Strings());
  EXPECT_EQ(FindPaths(top / "b/x.so/*"), Strings());
}

}  // namespace
}  // namespace hoy::cli
