#include "core/sys/copy_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/sys/files.h"

namespace hoy::core {
namespace {
namespace fs = std::filesystem;

class CopyTreeTest : public testing::Test {
 protected:
  CopyTreeTest() {
    char name[] = "/tmp/hoy-copy-XXXXXX";
    top_ = mkdtemp(name);
    fs::create_directories(top_ / "from");
    fs::create_directories(top_ / "to");
  }
  ~CopyTreeTest() override { fs::remove_all(top_); }

  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << text;
  }
  std::string Read(const std::string& path) const {
    return core::ReadFile(top_ / path).value_or("(unreadable)");
  }
  struct stat Stat(const std::string& path) const {
    struct stat status{};
    EXPECT_EQ(lstat((top_ / path).c_str(), &status), 0) << path;
    return status;
  }
  Result<CopiedTree> Copy(const std::string& name, const std::string& as,
                          const CopyOptions& options = {}) const {
    TRY(Fd from, OpenDirectory(top_ / "from"));
    TRY(Fd to, OpenDirectory(top_ / "to"));
    return CopyTree(from, name, to, as, options);
  }

  // Into "to", when what is written there ends up in `storage`. kNotFound: it was copied.
  ErrorKind Refusal(const std::string& name, const std::string& storage) const {
    auto directory = OpenDirectory(top_ / storage);
    CopyOptions options;
    options.storage = *directory;
    auto copied = Copy(name, "copy", options);
    return copied ? ErrorKind::kNotFound : copied.error().kind;
  }

  fs::path top_;
};

TEST_F(CopyTreeTest, KeepsModesTimesLinksAndAttributes) {
  Write("from/d/file", "text");
  ASSERT_EQ(chmod((top_ / "from/d/file").c_str(), 04751), 0);
  ASSERT_EQ(setxattr((top_ / "from/d/file").c_str(), "user.k", "v", 1, 0), 0);
  fs::create_hard_link(top_ / "from/d/file", top_ / "from/d/twin");
  fs::create_symlink("/etc/passwd", top_ / "from/d/link");
  ASSERT_EQ(mkfifo((top_ / "from/d/pipe").c_str(), 0640), 0);
  const timespec times[2] = {{1000, 5}, {2000, 7}};
  for (const char* path : {"from/d/file", "from/d"}) {
    ASSERT_EQ(utimensat(AT_FDCWD, (top_ / path).c_str(), times, 0), 0);
  }
  auto copied = Copy("d", "e");
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->bytes, 4u);
  EXPECT_EQ(Read("to/e/file"), "text");
  EXPECT_EQ(Stat("to/e/file").st_mode & 07777, 0751u);  // without the set-id bit
  EXPECT_EQ(Stat("to/e/file").st_ino, Stat("to/e/twin").st_ino);
  EXPECT_EQ(fs::read_symlink(top_ / "to/e/link"), "/etc/passwd");
  EXPECT_TRUE(S_ISFIFO(Stat("to/e/pipe").st_mode));
  EXPECT_EQ(Stat("to/e/file").st_mtim.tv_nsec, 7);
  EXPECT_EQ(Stat("to/e").st_mtim.tv_sec, 2000);
  char value = 0;
  EXPECT_EQ(getxattr((top_ / "to/e/file").c_str(), "user.k", &value, 1), 1);
}

TEST_F(CopyTreeTest, AnArchiveKeepsOwnersAndSetIdBits) {
  Write("from/file", "text");
  ASSERT_EQ(chown((top_ / "from/file").c_str(), 12, 34), 0);
  ASSERT_EQ(chmod((top_ / "from/file").c_str(), 04755), 0);
  ASSERT_TRUE(Copy("file", "a", {.archive = true, .cancelled = {}}));
  EXPECT_EQ(Stat("to/a").st_uid, 12u);
  EXPECT_EQ(Stat("to/a").st_mode & 07777, 04755u);
  ASSERT_TRUE(Copy("file", "b"));
  EXPECT_EQ(Stat("to/b").st_uid, geteuid());
}

TEST_F(CopyTreeTest, KeepsHoles) {
  Write("from/holes", "begin");
  ASSERT_EQ(truncate((top_ / "from/holes").c_str(), off_t{1} << 30), 0);
  auto copied = Copy("holes", "holes");
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(Stat("to/holes").st_size, off_t{1} << 30);
  EXPECT_LT(Stat("to/holes").st_blocks, 1000);
  EXPECT_LT(copied->bytes, uint64_t{1} << 20);
}

TEST_F(CopyTreeTest, FillsADirectoryAndReplacesFilesOnly) {
  Write("from/d/a", "new");
  Write("to/d/a", "old");
  Write("to/d/b", "kept");
  ASSERT_EQ(chmod((top_ / "to/d").c_str(), 0711), 0);
  ASSERT_TRUE(Copy("d", "d"));
  EXPECT_EQ(Read("to/d/a"), "new");
  EXPECT_EQ(Read("to/d/b"), "kept");
  EXPECT_EQ(Stat("to/d").st_mode & 07777, 0711u);

  Write("from/e/a", "file");
  Write("to/e/a/in", "kept");
  auto refused = Copy("e", "e");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(refused.error().message, "copy 'e/a': it would replace a directory");
  EXPECT_EQ(Read("to/e/a/in"), "kept");
}

// As the upper directory of an overlay, which is the target by another name.
TEST_F(CopyTreeTest, ASourceThatWouldGrowWithItsCopyIsRefusedBeforehand) {
  Write("from/a/b/c/file", "text");
  for (const char* storage : {"from/a", "from/a/b", "from/a/b/c", "from", "."}) {
    EXPECT_EQ(Refusal("a", storage), ErrorKind::kConflict) << storage;
    EXPECT_FALSE(fs::exists(top_ / "to/copy")) << storage;
  }
  Write("elsewhere/file", "");
  CopyOptions options;
  auto elsewhere = OpenDirectory(top_ / "elsewhere");
  options.storage = *elsewhere;
  EXPECT_TRUE(Copy("a", "copy", options).has_value());
  // A single file ends.
  auto inside = OpenDirectory(top_ / "from/a");
  options.storage = *inside;
  EXPECT_TRUE(Copy("a/b/c/file", "copied", options).has_value());
  EXPECT_EQ(Read("to/copied"), "text");
}

TEST_F(CopyTreeTest, FollowsNothingThatStandsAtATarget) {
  Write("from/f", "new");
  Write("outside", "precious");
  fs::create_symlink(top_ / "outside", top_ / "to/f");
  ASSERT_TRUE(Copy("f", "f"));
  EXPECT_EQ(Read("outside"), "precious");
  EXPECT_EQ(Read("to/f"), "new");
  // Nor a directory that is a link.
  Write("from/d/f", "new");
  fs::create_directories(top_ / "elsewhere");
  fs::create_directory_symlink(top_ / "elsewhere", top_ / "to/d");
  EXPECT_FALSE(Copy("d", "d"));
  EXPECT_TRUE(fs::is_empty(top_ / "elsewhere"));
}

// The target was chosen for a directory: a link in its place leads elsewhere.
TEST_F(CopyTreeTest, ASourceThatIsAnotherThanItWasIsRefused) {
  Write("from/dir/inner", "text");
  fs::create_symlink("/etc", top_ / "from/link");
  CopyOptions options;
  options.source_type = S_IFDIR;
  auto copied = Copy("link", "copy", options);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind, ErrorKind::kConflict) << copied.error().message;
  EXPECT_TRUE(fs::is_empty(top_ / "to"));
  ASSERT_TRUE(Copy("dir", "copy", options));
  EXPECT_EQ(Read("to/copy/inner"), "text");
}

TEST_F(CopyTreeTest, LeavesOutSocketsAndUnwantedDevices) {
  fs::create_directories(top_ / "from/d");
  ASSERT_EQ(mknod((top_ / "from/d/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(mknod((top_ / "from/d/socket").c_str(), S_IFSOCK | 0666, 0), 0);
  auto copied = Copy("d", "d", {.devices = false, .cancelled = {}});
  ASSERT_TRUE(copied) << copied.error().message;
  std::sort(copied->left_out.begin(), copied->left_out.end());
  EXPECT_EQ(copied->left_out, (std::vector<std::string>{"d/null: a device", "d/socket: a socket"}));
  EXPECT_TRUE(fs::is_empty(top_ / "to/d"));
}

TEST_F(CopyTreeTest, ADirectoryIsNotCopiedIntoItself) {
  Write("from/d/f", "1");
  auto from = OpenDirectory(top_ / "from");
  auto inner = OpenDirectory(top_ / "from/d");
  auto copied = CopyTree(*from, "d", *inner, "d", {});
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind, ErrorKind::kConflict);
}

TEST_F(CopyTreeTest, WhatIsInterruptedIsNotThereByHalf) {
  Write("from/f", std::string(1 << 20, 'x'));
  auto copied = Copy("f", "f", {.cancelled = [] { return true; }});
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(fs::is_empty(top_ / "to"));
}

TEST_F(CopyTreeTest, AVeryDeepTree) {
  Fd at(open((top_ / "from").c_str(), O_RDONLY | O_DIRECTORY));
  constexpr int kDepth = 300;
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(mkdirat(at.get(), "d", 0755), 0);
    at.reset(openat(at.get(), "d", O_RDONLY | O_DIRECTORY));
  }
  at.reset();
  auto copied = Copy("d", "d");
  ASSERT_TRUE(copied) << copied.error().message;
}

TEST_F(CopyTreeTest, AFileThatShrinksMeanwhileIsToldOf) {
  Write("from/big", std::string(20 << 20, 'x'));
  Write("from/whole", "text");
  int pieces = 0;
  CopyOptions options;
  options.cancelled = [&] {
    if (++pieces == 2) fs::resize_file(top_ / "from/big", 1000);
    return false;
  };
  auto copied = Copy("big", "copy", options);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->torn, std::vector<std::string>{"copy"});
  copied = Copy("whole", "copy");
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(copied->torn.empty());
}

// What a killed one left is in nobody's way.
TEST_F(CopyTreeTest, WhatIsNotWholeYetHasNoNameOfItsOwn) {
  Write("from/f", "new");
  Write("to/f", "old");
  Write(fmt::format("to/.hoy-cp-{}", getpid()), "half");
  CopyOptions options;
  std::vector<std::string> names;
  options.cancelled = [&] {
    names = ListDirectory(top_ / "to").value_or(std::vector<std::string>{});
    return false;
  };
  auto copied = Copy("f", "f", options);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(Read("to/f"), "new");
  EXPECT_EQ(names.size(), 2u) << "the one that was killed, and the old file";
}

}  // namespace
}  // namespace hoy::core
