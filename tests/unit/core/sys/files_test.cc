#include "core/sys/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

namespace fs = std::filesystem;

TEST(Files, ReadsUpToALimit) {
  ScratchDirectory top;
  PutFile(top / "f", std::string(100, 'x'));
  EXPECT_EQ(ReadFile(top / "f")->size(), 100u);
  EXPECT_EQ(ReadFile(top / "f", 100)->size(), 100u);
  EXPECT_EQ(ReadFile(top / "f", 99).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(ReadFile(top / "missing").error().system_errno, ENOENT);
}

TEST(Files, ReplacingAFileIsOneStep) {
  ScratchDirectory top;
  for (Durability durability : {Durability::kVolatile, Durability::kDurable}) {
    ASSERT_TRUE(WriteFileAtomically(top / "f", "old", durability).has_value());
    Fd reader = *OpenAt(kCwd, top / "f", O_RDONLY);
    ASSERT_TRUE(WriteFileAtomically(top / "f", "newer", durability, 0640).has_value());
    EXPECT_EQ(*ReadAll(reader, "f"), "old") << "who had it open reads the old bytes";
    EXPECT_EQ(TakeFile(top / "f"), "newer");
    EXPECT_EQ(*ListDirectory(top.path()), std::vector<std::string>{"f"}) << "no temp is left";
  }
  struct stat status{};
  stat((top / "f").c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
  EXPECT_FALSE(WriteFileAtomically(top / "no/such/f", "x", Durability::kVolatile).has_value());
}

TEST(Files, TempsOfTheDeadAreRemovedAndThoseOfTheLivingKept) {
  ScratchDirectory top;
  PutFile(top / ".tmp-1-1", "dead");
  PutFile(top / ".tmp-1-2", "alive");
  PutFile(top / "other", "");
  Fd held = *OpenAt(kCwd, top / ".tmp-1-2", O_RDWR);
  ASSERT_EQ(flock(held.get(), LOCK_EX), 0);
  RemoveStaleTemps(top.path());
  EXPECT_EQ(*ListDirectory(top.path()), (std::vector<std::string>{".tmp-1-2", "other"}));
}

TEST(Files, RemovesTreesWithoutFollowingLinks) {
  ScratchDirectory top;
  fs::create_directories(top / "keep");
  PutFile(top / "keep/f", "x");
  fs::create_directories(top / "tree/a/b");
  fs::create_directory_symlink(top / "keep", top / "tree/a/link");
  PutFile(top / "tree/a/b/f", "x");
  ASSERT_TRUE(RemoveTree(top / "tree").has_value());
  EXPECT_FALSE(fs::exists(top / "tree"));
  EXPECT_TRUE(fs::exists(top / "keep/f"));
  EXPECT_TRUE(RemoveTree(top / "tree").has_value()) << "already gone is success";
  fs::create_directory_symlink(top / "keep", top / "link");
  ASSERT_TRUE(RemoveTree(top / "link").has_value());
  EXPECT_TRUE(fs::exists(top / "keep/f"));
}

// Deeper than the stack has room for one call each, or the process for one descriptor each.
TEST(Files, RemovesTreesOfAnyDepth) {
  ScratchDirectory top;
  Fd directory = *OpenDirectory(top.path());
  for (int depth = 0; depth < 20'000; ++depth) {
    ASSERT_EQ(mkdirat(directory.get(), "d", 0700), 0);
    directory = *OpenAt(directory, "d", O_RDONLY | O_DIRECTORY);
  }
  directory.reset();
  ASSERT_TRUE(RemoveTree(top / "d").has_value());
  EXPECT_FALSE(Exists(top / "d"));
}

TEST(Files, RemovesTreesThatAreDeepAndWide) {
  ScratchDirectory top;
  Fd directory = *OpenDirectory(top.path());
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(mkdirat(directory.get(), "d", 0700), 0);
    directory = *OpenAt(directory, "d", O_RDONLY | O_DIRECTORY);
    for (const char* name : {"a", "a/b", "z", "z/b"}) {
      ASSERT_EQ(mkdirat(directory.get(), name, 0700), 0);
    }
    ASSERT_EQ(symlinkat(top.path().c_str(), directory.get(), "z/outside"), 0);
  }
  PutFile(top / "kept", "");
  directory.reset();
  ASSERT_TRUE(RemoveTree(top / "d").has_value());
  EXPECT_EQ(*ListDirectory(top.path()), std::vector<std::string>{"kept"});
}

TEST(Files, DirectoriesAndNames) {
  ScratchDirectory top;
  ASSERT_TRUE(MakeDirectories(top / "a/b/c").has_value());
  ASSERT_TRUE(MakeDirectories(top / "a/b/c").has_value());
  EXPECT_EQ(MakeDirectory(top / "a", 0700).error().kind, ErrorKind::kAlreadyExists);
  PutFile(top / "z", "");
  EXPECT_EQ(*ListDirectory(top.path()), (std::vector<std::string>{"a", "z"}));
  EXPECT_TRUE(ListDirectory(top / "missing")->empty());
  fs::create_symlink("nowhere", top / "dangling");
  EXPECT_TRUE(Exists(top / "dangling"));
  EXPECT_TRUE(Unlink(top / "dangling").has_value());
  EXPECT_TRUE(Unlink(top / "dangling").has_value());
}

TEST(Files, LocksGoWithTheirDescriptor) {
  ScratchDirectory top;
  Fd one = *OpenDirectory(top.path());
  Fd two = *OpenDirectory(top.path());
  EXPECT_TRUE(*TryLockFile(one, LockMode::kExclusive));
  EXPECT_FALSE(*TryLockFile(two, LockMode::kExclusive));
  EXPECT_FALSE(*TryLockFile(two, LockMode::kShared));
  one.reset();
  EXPECT_TRUE(*TryLockFile(two, LockMode::kExclusive));
}

}  // namespace
}  // namespace hoy::core
