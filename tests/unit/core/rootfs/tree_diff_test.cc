#include "core/rootfs/tree_diff.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace hoy::core {
namespace {
namespace fs = std::filesystem;

class TreeDiff : public testing::Test {
 protected:
  TreeDiff() {
    char name[] = "/tmp/hoy-tree-diff-XXXXXX";
    top_ = mkdtemp(name);
    fs::create_directories(top_ / "lower");
    fs::create_directories(top_ / "upper");
  }
  ~TreeDiff() override { fs::remove_all(top_); }

  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << text;
  }
  void Whiteout(const std::string& path) const {
    fs::create_directories((top_ / path).parent_path());
    ASSERT_EQ(mknod((top_ / path).c_str(), S_IFCHR, 0), 0);
  }
  // What the upper directory did to the lower one.
  std::string Diff() const {
    const std::string lower = top_ / "lower";
    return Text({lower}, {top_ / "upper", lower});
  }
  static std::string Text(const std::vector<std::string>& before,
                          const std::vector<std::string>& after) {
    auto changes = CompareTrees(before, after);
    if (!changes) return changes.error().message;
    std::string text;
    for (const FileChange& change : *changes) {
      text += static_cast<char>(change.kind);
      text += " " + change.path + "\n";
    }
    return text;
  }

  fs::path top_;
};

TEST_F(TreeDiff, ListsWhatWasAddedChangedAndDeleted) {
  Write("lower/etc/kept", "1");
  Write("lower/etc/changed", "1");
  Write("lower/etc/gone", "1");
  Write("lower/usr/same", "1");
  Write("upper/etc/changed", "22");
  Write("upper/etc/new/file", "1");
  Whiteout("upper/etc/gone");
  EXPECT_EQ(Diff(),
            "C /etc\n"
            "C /etc/changed\n"
            "D /etc/gone\n"
            "A /etc/new\n"
            "A /etc/new/file\n");
}

TEST_F(TreeDiff, ADirectoryThatWasOnlyCopiedUpIsNoChange) {
  Write("lower/etc/kept", "1");
  fs::create_directories(top_ / "upper/etc");
  struct stat status{};
  ASSERT_EQ(stat((top_ / "lower/etc").c_str(), &status), 0);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, (top_ / "upper/etc").c_str(), times, 0), 0);
  EXPECT_EQ(Diff(), "");
  ASSERT_EQ(chmod((top_ / "upper/etc").c_str(), 0700), 0);
  EXPECT_EQ(Diff(), "C /etc\n");
}

TEST_F(TreeDiff, AnOpaqueDirectoryHidesWhatWasThere) {
  Write("lower/home/a", "1");
  Write("lower/home/b", "1");
  Write("upper/home/b", "22");
  ASSERT_EQ(setxattr((top_ / "upper/home").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  EXPECT_EQ(Diff(), "C /home\nD /home/a\nC /home/b\n");
}

// Root's overlays do not mind user.*, which any process in a container can set.
TEST_F(TreeDiff, AContainerCannotMarkADirectoryAsOpaque) {
  Write("lower/home/a", "1");
  Write("upper/home/b", "22");
  if (setxattr((top_ / "upper/home").c_str(), "user.overlay.opaque", "y", 1, 0) != 0) {
    ASSERT_EQ(errno, EOPNOTSUPP);  // then there is nothing to be mistaken about
  }
  EXPECT_EQ(Diff(), "C /home\nA /home/b\n");
}

TEST_F(TreeDiff, ADirectoryInTheFilesPlaceAndTheReverse) {
  Write("lower/a", "1");
  Write("lower/b/in", "1");
  Write("upper/a/in", "1");
  Write("upper/b", "1");
  EXPECT_EQ(Diff(), "C /a\nA /a/in\nC /b\n");
}

TEST_F(TreeDiff, SymlinksDifferByWhereTheyLead) {
  fs::create_symlink("one", top_ / "lower/link");
  fs::create_symlink("two", top_ / "upper/link");
  EXPECT_EQ(Diff(), "C /link\n");
}

TEST_F(TreeDiff, WhatBothHaveIsNotEntered) {
  Write("lower/big/file", "1");
  ASSERT_EQ(chmod((top_ / "lower/big").c_str(), 0000), 0);
  Write("upper/new", "1");
  EXPECT_EQ(Diff(), "A /new\n");
}

TEST_F(TreeDiff, AMissingTreeIsAnError) {
  EXPECT_FALSE(CompareTrees({top_ / "nowhere"}, {top_ / "lower"}).has_value());
}

}  // namespace
}  // namespace hoy::core
