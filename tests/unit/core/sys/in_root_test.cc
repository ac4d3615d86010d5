#include "core/sys/in_root.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

namespace fs = std::filesystem;

// A root with every kind of trap, beside a secret that nothing may reach.
class InRoot : public testing::TestWithParam<bool> {
 protected:
  InRoot() {
    fs::create_directories(top_ / "root/a/b/c");
    fs::create_directories(top_ / "root/etc");
    fs::create_directories(top_ / "outside");
    PutFile(top_ / "secret", "secret");
    PutFile(top_ / "outside/secret", "secret");
    PutFile(top_ / "root/etc/passwd", "inside");
    PutFile(top_ / "root/a/file", "file");
    const std::pair<const char*, std::string> kLinks[] = {
        {"absolute", "/etc/passwd"},
        {"relative", "etc/passwd"},
        {"a/b/up", "../../etc/passwd"},
        {"escape", "../secret"},
        {"far", "../../../../../../../../etc/passwd"},
        {"host", top_ / "secret"},
        {"dir", "/a/b"},
        {"updir", "a/b/c/../.."},
        {"outdir", "../outside"},
        {"loop1", "loop2"},
        {"loop2", "loop1"},
        {"dangling", "nowhere/at/all"},
        {"newfile", "a/created"},
        {"chain", "absolute"},
        {"self", "."},
        {"slash", "/"}};
    for (const auto& [name, target] : kLinks) fs::create_symlink(target, top_ / "root/" + name);
    ForceInRootFallback(GetParam());
    root_ = *OpenDirectory(top_ / "root");
  }
  ~InRoot() override { ForceInRootFallback(false); }

  // The content, "directory", or the errno's name.
  std::string Look(const std::string& path, int flags = O_RDONLY) {
    auto fd = OpenInRoot(root_, path, flags, 0644);
    if (!fd) return strerrorname_np(fd.error().system_errno);
    struct stat status{};
    fstat(fd->get(), &status);
    if (S_ISDIR(status.st_mode)) {
      struct stat root{};
      fstat(root_.get(), &root);
      return status.st_ino == root.st_ino ? "the root" : "directory";
    }
    if (S_ISLNK(status.st_mode)) return "symlink";
    if ((flags & O_PATH) != 0) return "file";
    return ReadAll(*fd, path).value_or("unreadable");
  }

  ScratchDirectory top_;
  Fd root_;
};

// openat2(2) is the reference; the walk has to give the same answers.
INSTANTIATE_TEST_SUITE_P(ByKernelAndByWalk, InRoot, testing::Bool(),
                         [](const auto& fallback) { return fallback.param ? "walk" : "openat2"; });

TEST_P(InRoot, StaysInside) {
  const std::pair<const char*, const char*> kCases[] = {{"/etc/passwd", "inside"},
                                                        {"etc/passwd", "inside"},
                                                        {"//etc//./passwd", "inside"},
                                                        {"../../../etc/passwd", "inside"},
                                                        {"a/../../etc/passwd", "inside"},
                                                        {"absolute", "inside"},
                                                        {"relative", "inside"},
                                                        {"chain", "inside"},
                                                        {"a/b/up", "inside"},
                                                        {"far", "inside"},
                                                        {"dir/../file", "file"},
                                                        {"updir/file", "file"},
                                                        {"slash/self/slash/a/file", "file"},
                                                        {"escape", "ENOENT"},
                                                        {"host", "ENOENT"},
                                                        {"outdir/secret", "ENOENT"},
                                                        {"outdir", "ENOENT"},
                                                        {"../secret", "ENOENT"},
                                                        {"dangling", "ENOENT"},
                                                        {"loop1", "ELOOP"},
                                                        {"etc/passwd/x", "ENOTDIR"},
                                                        {"a/file/..", "ENOTDIR"},
                                                        {"", "the root"},
                                                        {"/", "the root"},
                                                        {"..", "the root"},
                                                        {"slash", "the root"},
                                                        {"self", "the root"},
                                                        {"a/b", "directory"},
                                                        {"dir", "directory"},
                                                        {"dir/", "directory"}};
  for (const auto& [path, answer] : kCases) {
    EXPECT_EQ(Look(path, O_RDONLY), answer) << path;
  }
}

TEST_P(InRoot, LooksWithoutFollowing) {
  EXPECT_EQ(Look("absolute", O_PATH | O_NOFOLLOW), "symlink");
  EXPECT_EQ(Look("dangling", O_PATH | O_NOFOLLOW), "symlink");
  EXPECT_EQ(Look("absolute", O_RDONLY | O_NOFOLLOW), "ELOOP");
  EXPECT_EQ(Look("dir/c", O_PATH | O_NOFOLLOW), "directory");
  EXPECT_EQ(Look("absolute", O_PATH), "file");
  EXPECT_EQ(Look("a/file", O_PATH | O_DIRECTORY), "ENOTDIR");
  EXPECT_EQ(Look("dir", O_PATH | O_DIRECTORY), "directory");
}

TEST_P(InRoot, CreatesInsideOnly) {
  EXPECT_EQ(Look("dir/new", O_RDWR | O_CREAT), "");
  EXPECT_TRUE(fs::exists(top_ / "root/a/b/new"));
  EXPECT_EQ(Look("newfile", O_RDWR | O_CREAT), "");
  EXPECT_TRUE(fs::exists(top_ / "root/a/created"));
  EXPECT_EQ(Look("etc/passwd", O_RDWR | O_CREAT | O_EXCL), "EEXIST");
  EXPECT_EQ(Look("outdir/planted", O_RDWR | O_CREAT), "ENOENT");
  EXPECT_FALSE(fs::exists(top_ / "outside/planted"));
}

TEST_P(InRoot, MakesDirectoriesInside) {
  ASSERT_TRUE(MakeDirectoriesInRoot(root_, "/dir/x/y", 0750).has_value());
  EXPECT_TRUE(fs::is_directory(top_ / "root/a/b/x/y"));
  ASSERT_TRUE(MakeDirectoriesInRoot(root_, "/../../p/q").has_value());
  EXPECT_TRUE(fs::is_directory(top_ / "root/p/q"));
  EXPECT_FALSE(MakeDirectoriesInRoot(root_, "outdir/planted").has_value());
  EXPECT_FALSE(fs::exists(top_ / "outside/planted"));
  EXPECT_FALSE(MakeDirectoriesInRoot(root_, "a/file/x").has_value());
}

}  // namespace
}  // namespace hoy::core
