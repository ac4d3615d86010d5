#include "core/rootfs/layered_root.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "tests/unit/core/rootfs/scratch_root.h"

namespace hoy::core {
namespace {

class LayeredRootTest : public testing::Test {
 protected:
  LayeredRoot Open(const std::vector<Mount>& mounts = {}) {
    return OpenRoot({upper.path(), middle.path(), bottom.path()}, mounts);
  }
  static std::string Text(LayeredRoot& root, const std::string& path) {
    auto file = root.Find(path);
    if (!file.has_value()) return "errno " + std::to_string(file.error().system_errno);
    auto text = root.Read(*file, 1 << 20);
    return text.has_value() ? *text : text.error().message;
  }
  static int Errno(LayeredRoot& root, const std::string& path) {
    auto file = root.Find(path);
    return file.has_value() ? 0 : file.error().system_errno;
  }

  ScratchLayer upper;
  ScratchLayer middle;
  ScratchLayer bottom;
};

TEST_F(LayeredRootTest, ShowsTheTopmostFile) {
  bottom.File("etc/name", "bottom");
  bottom.File("etc/only", "here");
  middle.File("etc/name", "middle");
  auto root = Open();
  EXPECT_EQ(Text(root, "/etc/name"), "middle");
  EXPECT_EQ(Text(root, "etc//./only"), "here");
  EXPECT_EQ(Errno(root, "/etc/none"), ENOENT);
  EXPECT_EQ(Errno(root, "/etc/name/x"), ENOTDIR);
  EXPECT_EQ(Errno(root, "/etc/name/"), ENOTDIR);
  EXPECT_EQ(root.Find("/etc")->path, "/etc");
  EXPECT_EQ(root.Find("/")->path, "/");
}

TEST_F(LayeredRootTest, HonoursWhiteouts) {
  bottom.File("etc/gone", "x");
  bottom.File("dir/file", "x");
  middle.Whiteout("etc/gone");
  upper.Whiteout("dir");
  auto root = Open();
  EXPECT_EQ(Errno(root, "/etc/gone"), ENOENT);
  EXPECT_EQ(Errno(root, "/dir/file"), ENOENT);
  EXPECT_EQ(*root.List("/"), std::vector<std::string>{"etc"});
  EXPECT_TRUE(root.List("/etc")->empty());
}

TEST_F(LayeredRootTest, HonoursOpaqueDirectories) {
  bottom.File("etc/old", "x");
  middle.File("etc/new", "y");
  ASSERT_EQ(setxattr(middle.At("etc").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  upper.Directory("etc");
  auto root = Open();
  EXPECT_EQ(Errno(root, "/etc/old"), ENOENT);
  EXPECT_EQ(Text(root, "/etc/new"), "y");
}

TEST_F(LayeredRootTest, AFileHidesADirectoryBelowItAndTheOtherWayRound) {
  bottom.File("a/x", "below");
  middle.File("a", "file");
  bottom.File("b", "file");
  middle.File("b/x", "above");
  auto root = Open();
  EXPECT_EQ(Text(root, "/a"), "file");
  EXPECT_EQ(Errno(root, "/a/x"), ENOTDIR);
  EXPECT_EQ(Text(root, "/b/x"), "above");
  EXPECT_EQ(*root.List("/b"), std::vector<std::string>{"x"});
}

TEST_F(LayeredRootTest, FollowsSymlinksAcrossLayersAndNeverOutOfTheRoot) {
  bottom.File("usr/bin/tool", "tool");
  middle.Link("bin", "usr/bin");
  upper.Link("run-me", "/bin/tool");
  upper.Link("up", "../../../../../../bin/../bin/tool");
  upper.Link("host", "/etc/hostname");
  auto root = Open();
  EXPECT_EQ(Text(root, "/run-me"), "tool");
  EXPECT_EQ(root.Find("/run-me")->path, "/usr/bin/tool");
  EXPECT_EQ(Text(root, "/up"), "tool");
  EXPECT_EQ(Text(root, "/../bin/tool"), "tool");
  EXPECT_EQ(Errno(root, "/host"), ENOENT);
  EXPECT_TRUE(S_ISLNK(root.Find("/run-me", LayeredRoot::LastLink::kKeep)->status.st_mode));
}

TEST_F(LayeredRootTest, GivesUpOnLinksThatGoRound) {
  bottom.Link("a", "b");
  bottom.Link("b", "a");
  bottom.Link("grow", "grow/grow");
  auto root = Open();
  EXPECT_EQ(Errno(root, "/a"), ELOOP);
  EXPECT_EQ(Errno(root, "/grow"), ELOOP);
}

TEST_F(LayeredRootTest, ReadsRegularFilesOnly) {
  ASSERT_EQ(mkfifo(bottom.At("fifo").c_str(), 0666), 0);
  auto root = Open();
  auto fifo = root.Find("/fifo");
  ASSERT_TRUE(fifo.has_value());
  EXPECT_EQ(root.ReadHead(*fifo, 10).error().system_errno, EINVAL);  // and does not hang
  EXPECT_EQ(root.ReadHead(*root.Find("/"), 10).error().system_errno, EINVAL);
}

TEST_F(LayeredRootTest, RefusesFilesThatAreTooLong) {
  bottom.File("long", "0123456789");
  auto root = Open();
  EXPECT_EQ(root.Read(*root.Find("/long"), 9).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(*root.Read(*root.Find("/long"), 10), "0123456789");
  EXPECT_EQ(*root.ReadHead(*root.Find("/long"), 4), "0123");
}

TEST_F(LayeredRootTest, ShowsBindMountsAndTheirFlags) {
  ScratchLayer host;
  host.File("tool", "from the host");
  host.File("one", "one file");
  bottom.File("opt/tool", "from the image");
  bottom.Link("var/run", "/run");
  std::vector<Mount> mounts = {
      {.source = host.path(), .target = "/opt", .flags = MS_NOEXEC, .from_user = true},
      {.source = host.At("one"), .target = "/var/run/one", .from_user = true},
      {.source = host.path(), .target = "/new/deep/place", .from_user = true},
      {.source = host.At("missing"), .target = "/etc", .from_user = true},
      {.kind = MountKind::kTmpfs, .source = "tmpfs", .target = "/opt/sub", .from_user = true},
  };
  bottom.Directory("run");
  auto root = Open(mounts);
  EXPECT_EQ(Text(root, "/opt/tool"), "from the host");
  EXPECT_TRUE(root.ForbidsExec(*root.Find("/opt/tool")));
  EXPECT_EQ(Text(root, "/run/one"), "one file");
  EXPECT_EQ(Text(root, "/new/deep/place/one"), "one file");
  EXPECT_EQ(*root.List("/new"), std::vector<std::string>{"deep"});
  EXPECT_TRUE(root.List("/opt/sub")->empty());
  EXPECT_EQ(Errno(root, "/opt/sub/x"), ENOENT);
}

TEST_F(LayeredRootTest, ALaterMountHidesAnEarlierOneBelowIt) {
  ScratchLayer first;
  first.File("x", "first");
  std::vector<Mount> mounts = {
      {.source = first.path(), .target = "/a/b", .from_user = true},
      {.kind = MountKind::kTmpfs, .source = "tmpfs", .target = "/a", .from_user = true}};
  auto root = Open(mounts);
  EXPECT_EQ(Errno(root, "/a/b/x"), ENOENT);
}

TEST_F(LayeredRootTest, ALoneDirectoryIsNoOverlay) {
  bottom.File("a", "x");
  ASSERT_EQ(mknod(bottom.At("null").c_str(), S_IFCHR | 0600, makedev(0, 0)), 0);
  auto root = OpenRoot({bottom.path()});
  EXPECT_EQ(Errno(root, "/null"), 0);
  EXPECT_EQ(Text(root, "/a"), "x");
}

TEST_F(LayeredRootTest, NamesALayerThatCannotBeOpened) {
  auto root = LayeredRoot::Open({upper.path(), "/nonexistent/layer"});
  ASSERT_FALSE(root.has_value());
  EXPECT_NE(root.error().message.find("/nonexistent/layer"), std::string::npos);
}

TEST_F(LayeredRootTest, RefusesAMountThatALinkLeadsOverTheRootOrTheKernelsFiles) {
  bottom.Link("all", "/");
  bottom.Link("up", "../../..");
  bottom.Link("process", "proc/self/attr");
  bottom.Link("settings", "/sys");
  bottom.Link("nodes", "/dev");
  bottom.Link("memory", "/dev/shm");
  bottom.Directory("proc");
  for (const char* target : {"/all", "/up", "/process", "/settings", "/nodes"}) {
    const Mount mount{.kind = MountKind::kTmpfs, .target = target, .from_user = true};
    auto root = LayeredRoot::Open({upper.path(), bottom.path()}, {mount});
    ASSERT_FALSE(root.has_value()) << target;
    EXPECT_TRUE(root.error().message.starts_with(
        fmt::format("mount on '{}': in the container this is a symlink to '/", target)))
        << root.error().message;
  }
  for (const char* target : {"/memory", "/proc", "/sys/x"}) {
    const Mount mount{.kind = MountKind::kTmpfs, .target = target, .from_user = true};
    EXPECT_TRUE(LayeredRoot::Open({upper.path(), bottom.path()}, {mount}).has_value()) << target;
  }
}

// The kernel is the judge: the same layers, mounted as a real overlay in a mount namespace of a
// child's own, must show the same files.
TEST_F(LayeredRootTest, AgreesWithTheKernelsOverlay) {
  bottom.File("d/one", "1");
  bottom.File("d/two", "2");
  bottom.File("e/x/y", "3");
  bottom.File("f", "4");
  middle.Whiteout("d/one");
  middle.File("d/three", "5");
  middle.File("e", "6");
  middle.Link("l", "/d/../d/two");
  upper.File("e/x", "7");
  upper.Whiteout("f");
  ScratchLayer place;
  place.Directory("work");
  place.Directory("upper");
  place.Directory("merged");
  pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_PRIVATE | MS_REC, nullptr) != 0)
      _exit(9);
    std::string data = "lowerdir=" + upper.path() + ":" + middle.path() + ":" + bottom.path();
    if (mount("overlay", place.At("merged").c_str(), "overlay", 0, data.c_str()) != 0) _exit(9);
    auto root = Open();
    auto real = OpenRoot({place.At("merged")});
    for (const char* path : {"/", "/d", "/e", "/e/x", "/l", "/f", "/d/one", "/d/two", "/d/three"}) {
      auto expected = real.Find(path);
      auto found = root.Find(path);
      if (expected.has_value() != found.has_value()) _exit(1);
      if (!found.has_value()) continue;
      if ((expected->status.st_mode & S_IFMT) != (found->status.st_mode & S_IFMT)) _exit(2);
      if (S_ISDIR(found->status.st_mode) && *root.List(path) != *real.List(path)) _exit(3);
      if (S_ISREG(found->status.st_mode) && Text(root, path) != Text(real, path)) _exit(4);
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "1: found or not; 2: type; 3: names; 4: bytes; 9: set-up";
}

}  // namespace
}  // namespace hoy::core
