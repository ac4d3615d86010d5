#include "core/sys/remove_trees.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {
namespace fs = std::filesystem;

// Directories in directories: `width` of them and a file in each, `depth` levels.
void Grow(const std::string& path, int width, int depth) {
  fs::create_directories(path);
  PutFile(path + "/file", "x");
  fs::create_directory_symlink(path, path + "/link");
  if (depth == 0) return;
  for (int i = 0; i < width; ++i) Grow(fmt::format("{}/{}", path, i), width, depth - 1);
}

TEST(RemoveTrees, RemovesAllOfSeveralAndNothingElse) {
  ScratchDirectory top;
  Grow(top / "one", 4, 4);
  Grow(top / "two", 30, 1);
  Grow(top / "outside", 2, 2);
  fs::create_directories(top / "empty");
  PutFile(top / "file", "x");
  fs::create_directory_symlink(top / "outside", top / "one/3/2/1/outside");
  fs::create_directory_symlink(top / "outside", top / "link");
  const auto before = std::distance(fs::recursive_directory_iterator(top / "outside"), {});
  ASSERT_TRUE(RemoveTrees(
      {top / "one", top / "missing", top / "two", top / "empty", top / "file", top / "link"}));
  EXPECT_EQ(*ListDirectory(top.path()), std::vector<std::string>{"outside"});
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(top / "outside"), {}), before);
  EXPECT_TRUE(RemoveTrees({}));
}

// More directories than there are descriptors, and deeper than one each would allow.
TEST(RemoveTrees, IsThriftyWithDescriptors) {
  ScratchDirectory top;
  for (int i = 0; i < 2000; ++i) fs::create_directories(fmt::format("{}/wide/{}/d", top.path(), i));
  Fd directory = *OpenDirectory(top.path());
  for (int depth = 0; depth < 3000; ++depth) {
    ASSERT_EQ(mkdirat(directory.get(), "deep", 0700), 0);
    ASSERT_EQ(mkdirat(directory.get(), "aside", 0700), 0);
    directory = *OpenAt(directory, "deep", O_RDONLY | O_DIRECTORY);
  }
  directory.reset();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit small{.rlim_cur = 800, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  Result<> removed = RemoveTrees({top / "wide", top / "deep", top / "aside"});
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(ListDirectory(top.path())->empty());
}

TEST(RemoveTrees, TellsTheFirstErrorAndRemovesTheRest) {
  ScratchDirectory top;
  Grow(top / "one", 3, 3);
  const auto removed = RemoveTrees({std::string(5000, 'x'), top / "one"});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().system_errno, ENAMETOOLONG);
  EXPECT_TRUE(ListDirectory(top.path())->empty());
}

}  // namespace
}  // namespace hoy::core
